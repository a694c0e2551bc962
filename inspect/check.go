package inspect

import (
	"strconv"

	"github.com/sshwhy/sshwhy"
)

// Mark is the sign in front of a line of the checklist.
type Mark uint8

// The marks. Only Bad says that something is wrong.
const (
	// Good: looked at, and right.
	Good Mark = iota + 1
	// Bad: a login fails because of it, or the next one will.
	Bad
	// Advice: works, and could be better, or is worth knowing.
	Advice
	// Unknown: could not be seen.
	Unknown
)

var markNames = [...]string{"", "good", "bad", "advice", "unknown"}

// String gives the word of the output.
func (m Mark) String() string { return markNames[m] }

// Layer is a part of the way into the host, in the order of the guide.
type Layer string

// The layers.
const (
	LayerService  Layer = "service"
	LayerConfig   Layer = "config"
	LayerListen   Layer = "listen"
	LayerNetwork  Layer = "network"
	LayerAccount  Layer = "account"
	LayerLists    Layer = "lists"
	LayerPAM      Layer = "pam"
	LayerMethods  Layer = "methods"
	LayerKeys     Layer = "keys"
	LayerPassword Layer = "password"
	LayerAdvice   Layer = "advice"
)

// Ways are the ways to log in that something stands in.
type Ways uint8

// The ways.
const (
	WayKey Ways = 1 << iota
	WayPassword
	WayInteractive
	AllWays = WayKey | WayPassword | WayInteractive
)

// Check is one line of the checklist.
type Check struct {
	Layer Layer
	Mark  Mark
	// Seen names the sentence on what was seen (lang.Doctor).
	Seen string
	// Cause is what is wrong: an id of the catalogue, or of those that only
	// a look at the host can tell (lang.Doctor). Empty unless Bad.
	Cause string
	// Values are for the sentences and the remedy.
	Values []sshwhy.Value
	// Blocks are the ways to log in that it closes.
	Blocks Ways
}

// Value gives the text of a fact, "" where the check does not know it.
func (c *Check) Value(f sshwhy.Field) string {
	for i := range c.Values {
		if c.Values[i].Field == f {
			return c.Values[i].Text
		}
	}
	return ""
}

// checks is a checklist in the making.
type checks struct {
	layer Layer
	list  []Check
}

func (c *checks) add(m Mark, seen, cause string, blocks Ways, values []sshwhy.Value) {
	c.list = append(c.list, Check{Layer: c.layer, Mark: m, Seen: seen, Cause: cause, Values: values, Blocks: blocks})
}

func (c *checks) good(seen string, values ...sshwhy.Value)    { c.add(Good, seen, "", 0, values) }
func (c *checks) advise(seen string, values ...sshwhy.Value)  { c.add(Advice, seen, "", 0, values) }
func (c *checks) unknown(seen string, values ...sshwhy.Value) { c.add(Unknown, seen, "", 0, values) }

// bad adds something wrong. What was seen is told by the cause's own sentence
// unless seen names a better one.
func (c *checks) bad(cause string, blocks Ways, values ...sshwhy.Value) {
	c.add(Bad, "", cause, blocks, values)
}

// any tells whether something of the layers is marked so.
func (c *checks) any(m Mark, layers ...Layer) bool {
	for i := range c.list {
		for _, l := range layers {
			if c.list[i].Mark == m && c.list[i].Layer == l {
				return true
			}
		}
	}
	return false
}

func val(f sshwhy.Field, text string) sshwhy.Value { return sshwhy.Value{Field: f, Text: text} }

func num[N int | int64 | uint16 | uint32 | uint64](f sshwhy.Field, n N) sshwhy.Value {
	return sshwhy.Value{Field: f, Text: strconv.FormatInt(int64(n), 10)}
}
