package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// form says what a declared name is.
type form uint8

const (
	setting form = iota
	section
	vhosts // the section that there may be many of, one for each virtual host
)

// node is a declared name: a setting, or a section with what is in it. The declarations are the struct tags of the
// packages that use the settings; a tree of nodes is all that the rest of this package knows of them.
type node struct {
	form  form
	name  string
	path  []string // of names from the root, its own the last
	index []int    // of the field in the struct of the section around it
	typ   reflect.Type
	doc   string

	// Of a setting.
	env      []string // the environment variables that set it, the first that is not empty wins
	def      string
	unit     string
	words    []string // those it takes, if there are only some; the default counts for another
	variable bool     // $NAME stands for an environment variable, for the default if that is not set
	secret   bool
	several  bool // takes any number of arguments

	// Of a section.
	children []*node
	checks   [][]int // the structs it is made of, its own (nil) and the inlined ones, which may have a Check method
}

// child returns the node of that name in a section; a nil section has none.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// dotted is the path as people write it.
func (n *node) dotted() string { return strings.Join(n.path, ".") }

// each calls f for the node's settings, however deep.
func (n *node) each(f func(*node)) {
	for _, c := range n.children {
		if c.form == setting {
			f(c)
		}
		c.each(f)
	}
}

// declare reads the declarations of a root struct. Its errors are faults of the program, not of a configuration.
func declare(t reflect.Type) (*node, error) {
	root := &node{form: section, typ: t}
	if err := root.fields(t, nil); err != nil {
		return nil, fmt.Errorf("config: declaration: %w", err)
	}
	return root, nil
}

// fields adds what a struct declares to the section; at is the struct's place in the section's own struct.
func (n *node) fields(t reflect.Type, at []int) error {
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("%s is not a struct", t)
	}
	n.checks = append(n.checks, at)
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		tag, tagged := f.Tag.Lookup("conf")
		var err error
		switch {
		case tag == ",inline", f.Anonymous && !tagged:
			err = n.inline(f, index)
		case tagged && tag != "-":
			err = n.field(f, tag, index)
		}
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
	}
	return nil
}

func (n *node) inline(f reflect.StructField, index []int) error {
	if !f.IsExported() {
		return fmt.Errorf("is not exported")
	}
	return n.fields(f.Type, index)
}

// field adds the setting or section that one field declares.
func (n *node) field(f reflect.StructField, name string, index []int) error {
	if !f.IsExported() {
		return fmt.Errorf("is not exported")
	}
	if n.child(name) != nil {
		return fmt.Errorf("%s is declared twice", name)
	}
	c := &node{name: name, index: index, typ: f.Type, doc: f.Tag.Get("doc"), path: append(slices.Clone(n.path), name)}
	n.children = append(n.children, c)
	if set, ok := reflect.New(f.Type).Interface().(vhostSet); ok {
		c.form, c.typ = vhosts, set.entryType()
		return c.fields(c.typ, nil)
	}
	if isSetting(f.Type) {
		return c.readTags(f.Tag)
	}
	c.form = section
	return c.fields(f.Type, nil)
}

// readTags reads what else is said of a setting and checks that its default is a value for it.
func (n *node) readTags(tag reflect.StructTag) error {
	n.def, n.unit, n.secret = tag.Get("default"), tag.Get("unit"), tag.Get("secret") == "true"
	n.words = strings.Fields(tag.Get("words"))
	n.variable = n.name == "candidate" // in rtc_server, and in the sip of a stream_caster
	n.several = n.typ.Kind() == reflect.Slice
	if tag.Get("env") != "-" {
		n.env = envNames(n.path)
	}
	if isDuration(n.typ) || n.several && isDuration(n.typ.Elem()) {
		if _, err := unitOf(n.unit); err != nil {
			return err
		}
	}
	if n.typ.Kind() == reflect.Bool && n.def == "" {
		n.def = "off"
	}
	if !settable(n.typ) {
		return fmt.Errorf("%s cannot be a setting", n.typ)
	}
	if _, err := n.parse(reflect.New(n.typ).Elem(), n.defaults()); err != nil {
		return fmt.Errorf("the default: %w", err)
	}
	return nil
}

// defaults is the default as arguments.
func (n *node) defaults() []string {
	if n.several {
		return strings.Fields(n.def)
	}
	if n.def == "" {
		return nil
	}
	return []string{n.def}
}

// isSetting tells a setting's type from a section's.
func isSetting(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() != reflect.Struct || readsItself(t)
}

// settable tells the types that a word, or several, can be read into.
func settable(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String:
		return true
	case reflect.Uintptr:
		return false
	}
	return readsItself(t) || reflect.Int <= t.Kind() && t.Kind() <= reflect.Float64
}

func isDuration(t reflect.Type) bool { return t == reflect.TypeFor[time.Duration]() }

func readsItself(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
