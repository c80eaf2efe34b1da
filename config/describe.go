package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
)

// Setting is the description of one setting, from its declaration.
type Setting struct {
	Path    string   // "rtc_server.tcp.listen"
	Env     []string // the variables that set it, the first wins; none for what only a file can set
	Kind    string   // what its value is: its unit in full, or "on or off", "number", "text"
	Unit    string
	Default string
	Doc     string
}

// Value is a setting as it is in force.
type Value struct {
	Path  string
	Vhost string // the virtual host it belongs to, if it belongs to one
	Text  string // as it was given, *** for a secret
	From  string // a place in a file, a variable's name, or "default"
}

func (n *node) value(vhost string, words []string, from origin) Value {
	text := strings.Join(words, " ")
	if n.secret && text != "" {
		text = "***"
	}
	return Value{Path: n.dotted(), Vhost: vhost, Text: text, From: from.String()}
}

// Describe lists every setting that target, a pointer to a root struct, declares, in the order of the declarations.
func Describe(target any) ([]Setting, error) {
	root, err := declareTarget(target)
	if err != nil {
		return nil, err
	}
	var settings []Setting
	root.each(func(n *node) { settings = append(settings, n.describe()) })
	return settings, nil
}

func declareTarget(target any) (*node, error) {
	t := reflect.TypeOf(target)
	if t == nil || t.Kind() != reflect.Pointer {
		return nil, fmt.Errorf("config: %T is not a pointer to a struct", target)
	}
	return declare(t.Elem())
}

func (n *node) describe() Setting {
	return Setting{Path: n.dotted(), Env: n.env, Kind: n.kind(), Unit: n.unit, Default: n.def, Doc: n.doc}
}

// kind says in a word or two what a setting's value is.
func (n *node) kind() string {
	t, prefix := n.typ, ""
	if n.several {
		t, prefix = t.Elem(), "several: "
	}
	switch {
	case n.unit != "":
		return prefix + unitName(n.unit)
	case readsItself(t), t.Kind() == reflect.String:
		return prefix + "text"
	case t.Kind() == reflect.Bool:
		return prefix + "on or off"
	}
	return prefix + "number"
}

// unitName is a unit in full.
func unitName(unit string) string {
	switch unit {
	case "us":
		return "microseconds"
	case "ms":
		return "milliseconds"
	case "s":
		return "seconds"
	case "min":
		return "minutes"
	}
	return unit
}

// WriteValues prints every setting as it is in force, and where that comes from.
func (r *Report) WriteValues(w io.Writer) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range r.Values {
		path := v.Path
		if v.Vhost != "" {
			path += " (" + v.Vhost + ")"
		}
		fmt.Fprintf(columns, "%s\t%s\t%s\n", path, v.Text, v.From) // an error is kept for Flush
	}
	return columns.Flush()
}
