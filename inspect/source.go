package inspect

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sshwhy/sshwhy"
	"github.com/sshwhy/sshwhy/causes"
	"github.com/sshwhy/sshwhy/patterns"
)

// Source answers questions about findings of this host as records, which the
// classifier turns into revisions. Ask hands it a question from the loop and
// never waits; Records, in a goroutine of its own (tailers.Merge), looks.
type Source struct {
	options SourceOptions
	queue   chan pending
	refused atomic.Int64
	// abandoned is closed when nobody waits for answers any more.
	abandoned <-chan struct{}
	// likely are the users for whom a question about a likely cause was
	// taken of late.
	likely users
}

// SourceOptions is what a Source needs. All are needed but Hostname.
type SourceOptions struct {
	// Inspect answers a question: Inspector.Inspect, or Client.Inspect.
	Inspect func(context.Context, Asked) (Answer, error)
	Causes  *causes.Catalogue
	// Say puts a line of the checklist into words for people.
	Say func(*Check) string
	// Hostname is this host's name; that of the system if empty.
	Hostname string
}

// pending is a question that waits.
type pending struct {
	of sshwhy.Identity
	Asked
}

const (
	// maxPending bounds the questions that wait.
	maxPending = 64
	// spacing is the time between two questions about likely causes of one
	// user: whoever guesses passwords fails many times a second, and is not
	// to fill the queue with what is not looked at anyway.
	spacing = 10 * time.Second
)

// NewSource gives a source that can be asked at once.
func NewSource(o SourceOptions) (*Source, error) {
	if o.Hostname == "" {
		name, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		o.Hostname = name
	}
	return &Source{options: o, queue: make(chan pending, maxPending)}, nil
}

// AbandonWhen has Records end at once, whatever waits, when the channel is
// closed. It is called before Records.
func (s *Source) AbandonWhen(closed <-chan struct{}) { s.abandoned = closed }

// Refused gives how many questions were not taken because too many waited.
func (s *Source) Refused() int64 { return s.refused.Load() }

// Ask takes a question about a finding, and tells whether it did. It is called
// from one goroutine. It keeps nothing of the finding, and takes none that
// leaves nothing open, is not of this host, or a revision.
func (s *Source) Ask(f *sshwhy.Finding) bool {
	if !isOpen(f) || f.Revision > 1 || len(f.User) == 0 || !s.ours(string(f.Host)) {
		return false
	}
	q := pending{of: f.Identity, Asked: Asked{
		User: string(sshwhy.Unescape(nil, f.User)), Fingerprint: string(f.Fingerprint), KeyKind: string(f.KeyType),
		Method: string(f.Method), Start: f.Start, End: f.End,
	}}
	q.Unix = slices.ContainsFunc(f.Evidence, func(e sshwhy.Evidence) bool { return e.Pattern == patterns.PAMUnixAuthFailure })
	if f.Confidence == sshwhy.ConfidenceLikely {
		if len(s.queue) == cap(s.queue) {
			s.refused.Add(1)
			return false
		}
		if !s.likely.admit(q.User, time.Now(), spacing) {
			return false
		}
		q.Cause = s.options.Causes.ID(f.Cause)
	}
	q.of.Host, q.of.First = []byte(string(f.Host)), []byte(string(f.First))
	if a, err := netip.ParseAddr(string(f.Address)); err == nil {
		q.Address = a.String()
	}
	if !strings.HasPrefix(q.Fingerprint, "SHA256:") {
		q.Fingerprint, q.KeyKind = "", "" // MD5, before 6.8
	}
	for _, c := range f.Candidates {
		q.Candidates = append(q.Candidates, s.options.Causes.ID(c))
	}
	select {
	case s.queue <- q:
		return true
	default:
		s.refused.Add(1)
		return false
	}
}

// isOpen tells whether a finding leaves a question that this host may answer: it
// is undetermined, or a refusal for which the log makes one of several causes
// likely.
func isOpen(f *sshwhy.Finding) bool {
	switch f.Confidence {
	case sshwhy.ConfidenceUndetermined:
		return true
	case sshwhy.ConfidenceLikely:
		return f.Outcome == sshwhy.OutcomeRefused && len(f.Candidates) > 1
	}
	return false
}

// ours tells whether a host's name, as a log spells it, is that of this one:
// one of the two may lack the domain.
func (s *Source) ours(host string) bool {
	ours := s.options.Hostname
	if host == "" || ours == "" {
		return false
	}
	if strings.EqualFold(host, ours) {
		return true
	}
	short, _, dotted := strings.Cut(host, ".")
	shortOurs, _, dottedOurs := strings.Cut(ours, ".")
	return dotted != dottedOurs && strings.EqualFold(short, shortOurs)
}

// Records implements sshwhy.Source: it yields answers until the context is
// done, and then those to the questions that wait, for as long as one question
// may take. What cannot be answered yields nothing; a trouble of the looking
// itself, such as a helper that does not answer, is yielded as an error.
func (s *Source) Records(ctx context.Context) iter.Seq2[*sshwhy.Record, error] {
	return func(yield func(*sshwhy.Record, error) bool) {
		looking, stop := s.patient(ctx)
		defer stop()
		var r sshwhy.Record
		for {
			r = sshwhy.Record{Tick: true, Source: "inspect"}
			if !yield(&r, nil) {
				return
			}
			q, ok := s.next(ctx)
			if !ok {
				return
			}
			a, err := s.options.Inspect(looking, q.Asked)
			switch {
			case err != nil && looking.Err() != nil:
				return
			case errors.Is(err, ErrTooSoon) || errors.Is(err, ErrNothing):
			case err != nil:
				if !yield(nil, &sshwhy.Notice{Code: "inspect-failed", Source: "inspect", Text: "this host could not be looked at: " + sshwhy.Printable(err.Error()), Hint: "check the helper that looks as root (sshwhy inspect-server)"}) {
					return
				}
			default:
				r = sshwhy.Record{Source: "inspect", Inspection: s.inspection(&q, &a)}
				if !yield(&r, nil) {
					return
				}
			}
		}
	}
}

// next gives the question that has waited longest. Once the context is done
// there is none unless it waits already.
func (s *Source) next(ctx context.Context) (pending, bool) {
	select {
	case q := <-s.queue:
		return q, true
	case <-ctx.Done():
	}
	select {
	case <-s.abandoned:
		return pending{}, false
	default:
	}
	select {
	case q := <-s.queue:
		return q, true
	default:
		return pending{}, false
	}
}

// patient gives a context that outlives another by as long as one question may
// take, unless the source is abandoned.
func (s *Source) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	looking, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		defer cancel()
		select {
		case <-time.After(askTime):
		case <-s.abandoned:
		case <-looking.Done():
		}
	})
	return looking, func() {
		stop()
		cancel()
	}
}

// inspection gives an answer in the words of the loop.
func (s *Source) inspection(q *pending, a *Answer) *sshwhy.Inspection {
	in := &sshwhy.Inspection{Of: q.of, Time: a.Time, Cause: s.options.Causes.Find(a.Cause), Confidence: a.Confidence}
	for _, c := range a.Candidates {
		if id := s.options.Causes.Find(c); id != 0 {
			in.Candidates = append(in.Candidates, id)
		}
	}
	for i := range a.Seen {
		c := &a.Seen[i]
		in.Seen = append(in.Seen, s.options.Say(c))
		if c.Cause == a.Cause && in.Values == nil {
			in.Values = c.Values
		}
	}
	if in.Values == nil && in.Cause != 0 && len(a.Seen) > 0 {
		in.Values = a.Seen[0].Values // a cause that follows from what was seen
	}
	return in
}
