package config

import (
	"fmt"
	"reflect"
	"strings"
)

// binder carries one Load.
type binder struct {
	env     *environment
	envOnly bool
	root    *node      // what the program declares
	known   *Directive // what SRS knows
	vhost   string     // the virtual host that is being bound
	origins map[*node]origin

	errors Problems
	report *Report
}

// origin is where a setting's value comes from: the environment, the file, or neither.
type origin struct {
	env string
	pos Pos
}

func (o origin) String() string {
	switch {
	case o.env != "":
		return o.env
	case o.pos.Line > 0:
		return o.pos.String()
	}
	return "default"
}

func (b *binder) fail(o origin, format string, args ...any) {
	b.errors.add(Problem{Pos: o.pos, Env: o.env, Text: fmt.Sprintf(format, args...)})
}

func (b *binder) warn(o origin, format string, args ...any) {
	b.report.Warnings.add(Problem{Pos: o.pos, Env: o.env, Text: fmt.Sprintf(format, args...)})
}

// at is the origin of what a directive says; a nil directive says nothing.
func at(d *Directive) origin {
	if d == nil {
		return origin{}
	}
	return origin{pos: d.Pos}
}

// section sets the fields of a section's struct, then checks them. d is the section in the file, nil if it is not there.
func (b *binder) section(n *node, v reflect.Value, d *Directive) {
	before := len(b.errors.List) + b.errors.More
	if n == b.root {
		before = 0 // a misspelt name is a value that somebody gave
		b.origins = make(map[*node]origin)
	}
	for _, c := range n.children {
		switch f := v.FieldByIndex(c.index); c.form {
		case setting:
			b.setting(c, f, d.First(c.name))
		case section:
			b.section(c, f, d.First(c.name))
		case vhosts:
			b.vhosts(c, f.Addr().Interface().(vhostSet), d)
		}
	}
	if len(b.errors.List)+b.errors.More == before { // else Check would judge values nobody gave
		b.check(n, v, d)
	}
}

// vhosts binds every virtual host of the file. With the environment alone there is the default one.
func (b *binder) vhosts(n *node, set vhostSet, root *Directive) {
	set.reset()
	bind := func(name string, d *Directive) {
		if host := set.entry(name); host != nil {
			b.vhost = name
			b.section(n, reflect.ValueOf(host).Elem(), d)
			b.vhost = ""
		}
	}
	if b.envOnly {
		bind(DefaultVhost, nil)
		return
	}
	for _, d := range root.Block {
		if d.Name == n.name && d.Arg() != "" {
			bind(d.Arg(), d)
		}
	}
}

// setting sets one field: a variable that is not empty goes before the file, the file before the default.
func (b *binder) setting(n *node, v reflect.Value, d *Directive) {
	words, from := b.given(n, d)
	v.SetZero()
	warning, err := n.parse(v, words)
	switch {
	case err != nil:
		b.fail(from, "%s: %v", quotedPath(n.path), err)
	case warning != "" && from != origin{}:
		b.warn(from, "%s: %s", quotedPath(n.path), warning)
	}
	b.origins[n] = from
	b.report.Values = append(b.report.Values, n.value(b.vhost, words, from))
}

// given returns the words for a setting, and where the first of them comes from.
func (b *binder) given(n *node, d *Directive) ([]string, origin) {
	words, from := n.defaults(), origin{}
	if name, value := b.env.first(n.env); name != "" {
		words, from = []string{value}, origin{env: name}
		if n.several {
			words = strings.Fields(value)
		}
	} else if d != nil && len(d.Args) > 0 {
		words, from = nil, origin{pos: d.Args[0].Pos}
		for _, a := range d.Args {
			words = append(words, a.Text)
		}
	}
	if n.variable {
		var name string
		if words, name = b.expand(n, words); name != "" {
			from.env = name
		}
	}
	return words, from
}

// expand puts the environment's words in the place of $NAME, or the default if it has none, and returns the first name that
// has some.
func (b *binder) expand(n *node, words []string) (expanded []string, from string) {
	for _, w := range words {
		name, ok := strings.CutPrefix(w, "$")
		if ok {
			w = b.env.get(name)
		}
		w = strings.TrimSpace(w)
		if ok && w != "" && from == "" {
			from = name
		}
		switch {
		case ok && w == "":
			expanded = append(expanded, n.defaults()...)
		case ok && n.several:
			expanded = append(expanded, strings.Fields(w)...)
		default:
			expanded = append(expanded, w)
		}
	}
	return expanded, from
}

// check asks the structs a section is made of what they think of their values.
func (b *binder) check(n *node, v reflect.Value, d *Directive) {
	for _, index := range n.checks {
		s := v
		if len(index) > 0 {
			s = v.FieldByIndex(index)
		}
		if c, ok := s.Addr().Interface().(interface{ Check() error }); ok {
			for _, err := range each(c.Check()) {
				b.misfit(n, d, err)
			}
		}
	}
}

// each takes joined errors apart.
func each(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// misfit reports what Check said, at the setting its first word names, else at the section. The variable that sets it is
// named too: without a file there is no other way to.
func (b *binder) misfit(n *node, d *Directive, err error) {
	text := err.Error()
	first, _, _ := strings.Cut(text, " ")
	first = strings.TrimSuffix(first, ":")
	switch c := n.bound(strings.Split(first, ".")); {
	case c != nil && c.form == setting:
		from := b.origins[c]
		text = quotedPath(c.path) + strings.TrimPrefix(text, first)
		if from.env == "" && len(c.env) > 0 {
			text += " (" + c.env[0] + ")"
		}
		b.fail(from, "%s", text)
	case n == b.root:
		b.fail(origin{}, "%s", text)
	default:
		b.fail(at(d), "%s: %s", quotedPath(n.path), text)
	}
}
