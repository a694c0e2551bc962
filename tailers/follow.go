package tailers

import (
	"fmt"
	"time"

	"github.com/sshwhy/sshwhy"
)

// delivery is a line that the library read, or that it has ended.
type delivery struct {
	from  *follower
	to    *generation
	text  string
	end   int64 // the offset behind the line
	ended bool
	err   error // why it ended; nil where the name left the file
}

// A file is taken back from the library when it has fallen behind by so many
// bytes, and looked at soon when a line was given and more is there.
const (
	backlog  = 64 << 10
	patience = 10 * time.Millisecond
)

// handOver gives a quiet file to the library.
func (c *custody) handOver(f *following, g *generation) {
	if c.handed >= maxFollowers || !watchable(g.file) {
		return
	}
	l, err := c.follow(g.file, g.offset, c.lines, g)
	if err != nil {
		f.deaf = deafness // it is read here
		return
	}
	g.follower = l
	c.handed++
	c.followers.Go(l.wait)
	f.pause = shortPause // what is written before the library watches is seen here
}

// take gives a line that the library delivered if it is the one that comes
// next, and takes the file back if need be.
func (c *custody) take(d delivery) {
	g := d.to
	f := c.owner(g)
	if f == nil || g.follower != d.from {
		return
	}
	if d.ended {
		c.takeBack(g)
		f.next = time.Time{}
		if d.err != nil {
			f.deaf = deafness
			c.tellPolling(d.err)
		}
		return
	}
	f.deaf = 0
	start := d.end - int64(len(d.text)) - 1
	if start != g.offset || g.long != nil || len(d.text) > sshwhy.MaxLine || !g.verify(d.end) {
		// It is behind, or ahead, or the file was truncated.
		if soon := time.Now().Add(patience); d.end > g.offset {
			f.next = time.Time{}
		} else if soon.Before(f.next) {
			f.next = soon
		}
		return
	}
	c.aim(f, g)
	c.text = append(c.text[:0], d.text...)
	if !c.give(g, c.text, 0, d.end) {
		return
	}
	c.own--
	c.delivered++
	c.silence.heard()
	g.rested(d.end)
	c.catchUp(f, g)
}

// catchUp looks how far the library is behind.
func (c *custody) catchUp(f *following, g *generation) {
	size, modified, err := g.size()
	if err != nil {
		f.next = time.Time{}
		return
	}
	switch behind := size - g.offset; {
	case behind == 0:
		g.note(modified)
	case behind > backlog || behind < 0:
		c.takeBack(g)
		g.busy = time.Now().Add(time.Second)
		f.next = time.Time{}
	default:
		c.behind = true
		if soon := time.Now().Add(patience); soon.Before(f.next) {
			f.next = soon
		}
	}
}

// takeBack takes a file from the library, which is not waited for.
func (c *custody) takeBack(g *generation) {
	if g.follower != nil {
		g.follower.end()
		g.follower = nil
		c.handed--
	}
}

// owner gives the path that a generation belongs to; nil when it was ended.
func (c *custody) owner(g *generation) *following {
	if f := c.byPath[g.path]; f != nil && f.named == g {
		return f
	}
	return nil
}

// followed names the library in errors.
func followed(err error) error { return fmt.Errorf("following with nxadm/tail: %w", err) }
