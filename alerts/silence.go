package alerts

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Silence keeps alerts from being told for a while: those that share all that
// it names. What happens meanwhile is counted.
type Silence struct {
	// ID is given by Alerter.Silence.
	ID string `json:"id"`
	// Match are facts by name, as "user" and "bob", or "rule" and a rule's
	// name; all must hold. Empty matches every alert: a maintenance.
	Match map[string]string `json:"match"`
	// From and Until bound it, by the clock; a From in the past counts from
	// now.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Comment says why, By who asked for it.
	Comment string `json:"comment,omitempty"`
	By      string `json:"by,omitempty"`
}

type silences struct {
	byID map[string]Silence
	gone []string
	next []string // ids that Save writes
}

// maxSilences bounds what is kept.
const maxSilences = 1000

// Silence adds a silence and gives its id.
func (a *Alerter) Silence(s Silence) (string, error) {
	for name := range s.Match {
		if name != "rule" && !slices.Contains(properties, name) {
			return "", fmt.Errorf("alerts cannot be silenced by %q; there is rule, %s", name, strings.Join(properties, ", "))
		}
	}
	if !s.Until.After(a.o.Now()) {
		return "", fmt.Errorf("the silence would end at %s, which has passed", s.Until.Format(time.RFC3339))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.silences.byID) >= maxSilences {
		return "", fmt.Errorf("there are %d silences already", maxSilences)
	}
	sum := idOfText(fmt.Sprint(s.Match), s.Until.String(), a.o.Now().String())
	s.ID = fmt.Sprintf("%x", sum[:4])
	a.silences.byID[s.ID] = s
	a.silences.next = append(a.silences.next, s.ID)
	return s.ID, nil
}

// Unsilence ends a silence early, and tells whether there was one of that id.
func (a *Alerter) Unsilence(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.silences.byID[id]
	if ok {
		delete(a.silences.byID, id)
		a.silences.gone = append(a.silences.gone, id)
	}
	return ok
}

// Silences gives those in force or to come, the first to end first.
func (a *Alerter) Silences() []Silence {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.SortedFunc(maps.Values(a.silences.byID), func(x, y Silence) int {
		if c := x.Until.Compare(y.Until); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
}

// silenced tells whether an alert is to be kept quiet now.
func (a *Alerter) silenced(g *group) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.o.Now()
	for _, s := range a.silences.byID {
		if s.covers(g, now) {
			return true
		}
	}
	return false
}

func (s *Silence) covers(g *group, now time.Time) bool {
	if now.Before(s.From) || !now.Before(s.Until) {
		return false
	}
	for name, value := range s.Match {
		switch {
		case name == "rule":
			if g.rule.Name != value {
				return false
			}
		case g.property(name) == value:
		case name == "user" && len(g.users.counts) == 1 && g.users.counts[value] > 0:
		case name == "host" && len(g.hosts.counts) == 1 && g.hosts.counts[value] > 0:
		case name == "source" && len(g.sources.counts) == 1 && g.sources.counts[value] > 0:
		case name == "cause" && len(g.causes.counts) == 1 && g.causes.counts[value] > 0:
		default:
			return false
		}
	}
	return true
}

// endSilences forgets those that are over.
func (a *Alerter) endSilences() {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.o.Now()
	for id, s := range a.silences.byID {
		if !now.Before(s.Until) {
			delete(a.silences.byID, id)
			a.silences.gone = append(a.silences.gone, id)
		}
	}
}
