package classifier

import (
	"bytes"
	"slices"

	"github.com/sshwhy/sshwhy/patterns"
)

// offer gives where an offer stands as it is told and acted on: without what is
// no method in it.
func (c *connection) offer(names []byte, l *kept) part {
	all := bytes.Split(names, []byte(","))
	methods := slices.DeleteFunc(slices.Clone(all), func(name []byte) bool { return patterns.IsMarker(string(name)) })
	if len(methods) == len(all) {
		return c.part(names, l)
	}
	p, _ := c.copied(bytes.Join(methods, []byte(",")))
	return p
}
