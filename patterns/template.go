package patterns

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sshwhy/sshwhy"
)

// Part is a piece of a template without alternatives: a literal, a field, or
// a constant that takes no text.
type Part struct {
	Literal string
	Field   sshwhy.Field
	Kind    Kind
	// Constant is the value of a {name=constant}, "" otherwise.
	Constant string
}

// peer is the connection id that sshd prints in some fifty messages
// (packet.c fmt_connection_id, since 7.5 with the user).
const peer = "[authenticating user {who=authenticating}{user} |invalid user {who=invalid}{user} |user {who=user}{user} ]{addr}[ port {port}]"

// maxVariants bounds the number of ways through the groups of one template.
const maxVariants = 256

// Expand gives every way through the optional and alternative groups of a
// template, each a sequence of parts in which no two literals touch.
func Expand(template string) ([][]Part, error) {
	p := templateParser{rest: template}
	variants, err := p.sequence(0)
	if err != nil {
		return nil, fmt.Errorf("template %q, at %q: %w", template, p.rest, err)
	}
	for i, v := range variants {
		if variants[i], err = tidy(v); err != nil {
			return nil, fmt.Errorf("template %q: %w", template, err)
		}
	}
	return variants, nil
}

type templateParser struct {
	rest string
}

// sequence reads up to the end of the template, or up to the | or the closing
// bracket of the group that it stands in.
func (p *templateParser) sequence(closing byte) ([][]Part, error) {
	done := [][]Part{nil}
	for p.rest != "" {
		c := p.rest[0]
		var next [][]Part
		switch {
		case closing != 0 && (c == closing || c == '|'):
			return done, nil
		case c == '[':
			inner, err := p.group(']')
			if err != nil {
				return nil, err
			}
			next = append(inner, nil)
		case c == '(' && p.isGroup():
			inner, err := p.group(')')
			if err != nil {
				return nil, err
			}
			next = inner
		case strings.HasPrefix(p.rest, "{peer}"):
			p.rest = peer + p.rest[len("{peer}"):]
			continue
		case c == '{':
			part, err := p.field()
			if err != nil {
				return nil, err
			}
			extend(done, part)
			continue
		case c == '\\' && len(p.rest) > 1:
			extend(done, Part{Literal: p.rest[1:2]})
			p.rest = p.rest[2:]
			continue
		default:
			n := 1 + strings.IndexAny(p.rest[1:], `[](){}|\\`)
			if n == 0 {
				n = len(p.rest)
			}
			extend(done, Part{Literal: p.rest[:n]})
			p.rest = p.rest[n:]
			continue
		}
		if done = product(done, next); len(done) > maxVariants {
			return nil, fmt.Errorf("more than %d variants", maxVariants)
		}
	}
	if closing != 0 {
		return nil, fmt.Errorf("no closing %q", closing)
	}
	return done, nil
}

// isGroup tells a group of alternatives from a literal parenthesis: only the
// former has a | before its end.
func (p *templateParser) isGroup() bool {
	depth := 0
	for i := 0; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '\\':
			i++
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return false
			}
		case '|':
			if depth == 1 {
				return true
			}
		}
	}
	return false
}

func (p *templateParser) group(closing byte) ([][]Part, error) {
	var all [][]Part
	p.rest = p.rest[1:]
	for {
		one, err := p.sequence(closing)
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
		end := p.rest[0]
		p.rest = p.rest[1:]
		if end == closing {
			return all, nil
		}
	}
}

func (p *templateParser) field() (Part, error) {
	end := strings.IndexByte(p.rest, '}')
	if end < 0 {
		return Part{}, fmt.Errorf("no closing }")
	}
	spec := p.rest[1:end]
	p.rest = p.rest[end+1:]
	if name, constant, ok := strings.Cut(spec, "="); ok {
		f := sshwhy.FieldNamed(name)
		if f == sshwhy.FieldNone {
			return Part{}, fmt.Errorf("no field is named %q", name)
		}
		if constant == "" || strings.Trim(constant, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return Part{}, fmt.Errorf("constant %q is not of lower-case letters, digits and -", constant)
		}
		return Part{Field: f, Constant: constant}, nil
	}
	name, kind, hasKind := strings.Cut(spec, ":")
	f := sshwhy.FieldNamed(name)
	if f == sshwhy.FieldNone {
		return Part{}, fmt.Errorf("no field is named %q", name)
	}
	k := defaultKind[f]
	if hasKind {
		if k = kindNamed(kind); k == KindNone {
			return Part{}, fmt.Errorf("no kind is named %q", kind)
		}
	}
	return Part{Field: f, Kind: k}, nil
}

// extend adds a part to every way. Each owns its memory: see product.
func extend(ways [][]Part, p Part) {
	for i := range ways {
		if ways[i] == nil {
			ways[i] = make([]Part, 0, 8)
		}
		ways[i] = append(ways[i], p)
	}
}

// product gives every head with every tail, each in memory of its own.
func product(heads, tails [][]Part) [][]Part {
	out := make([][]Part, 0, len(heads)*len(tails))
	for _, h := range heads {
		for _, t := range tails {
			out = append(out, slices.Concat(h, t))
		}
	}
	return out
}

// tidy joins literals that touch, moves constants to the end, where they cost
// only the match that succeeds, and refuses what cannot be matched.
func tidy(parts []Part) ([]Part, error) {
	var constants []Part
	out := make([]Part, 0, len(parts))
	var used [256]bool // by field
	for _, p := range parts {
		if p.Field != sshwhy.FieldNone {
			if used[p.Field] {
				return nil, fmt.Errorf("field %q stands twice", p.Field)
			}
			used[p.Field] = true
		}
		last := len(out) - 1
		switch {
		case p.Constant != "":
			constants = append(constants, p)
		case p.Literal != "" && last >= 0 && out[last].Literal != "":
			out[last].Literal += p.Literal
		case p.Field != sshwhy.FieldNone && last >= 0 && out[last].Field != sshwhy.FieldNone:
			return nil, fmt.Errorf("fields %q and %q touch", out[last].Field, p.Field)
		default:
			out = append(out, p)
		}
	}
	if !slices.ContainsFunc(out, func(p Part) bool { return strings.ContainsFunc(p.Literal, isLetter) }) {
		return nil, fmt.Errorf("no literal text")
	}
	return append(out, constants...), nil
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '@' }
