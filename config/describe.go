package config

import (
	"errors"
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

// WriteSample prints a configuration with every setting that target declares, explained, at its default.
func WriteSample(w io.Writer, target any) error {
	root, err := declareTarget(target)
	if err != nil {
		return err
	}
	s := &sample{w: w}
	s.section(root)
	return s.err
}

// sample prints a configuration; the first error is kept and ends it.
type sample struct {
	w      io.Writer
	indent string
	err    error
}

func (s *sample) line(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, strings.TrimRight(s.indent+format, " ")+"\n", args...)
	}
}

func (s *sample) section(n *node) {
	for i, c := range n.children {
		if i > 0 {
			s.line("")
		}
		if c.doc != "" {
			s.line("# %s", c.doc)
		}
		if c.form == setting {
			s.setting(c)
			continue
		}
		name := c.name
		if c.form == vhosts {
			name += " " + DefaultVhost
		}
		s.line("%s {", name)
		s.indent += "    "
		s.section(c)
		s.indent = strings.TrimSuffix(s.indent, "    ")
		s.line("}")
	}
}

// setting prints one setting; one that has no default is commented out.
func (s *sample) setting(n *node) {
	about := n.kind()
	if len(n.env) > 0 {
		about += "; " + n.env[0]
	}
	s.line("# (%s)", about)
	words := n.defaults()
	if len(words) == 0 {
		s.line("# %s …;", n.name)
		return
	}
	for i, word := range words {
		words[i] = quote(word)
	}
	s.line("%s %s;", n.name, strings.Join(words, " "))
}

// quote puts quotes around a word that needs them.
func quote(word string) string {
	if !strings.ContainsAny(word, " \t;{}#'\"") {
		return word
	}
	if strings.Contains(word, `"`) {
		return "'" + word + "'"
	}
	return `"` + word + `"`
}

// WriteTable prints every setting that target declares as a table in Markdown.
func WriteTable(w io.Writer, target any) error {
	settings, err := Describe(target)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "| setting | environment | default | what |\n|---|---|---|---|\n")
	for _, s := range settings {
		env := ""
		if len(s.Env) > 0 {
			env = "`" + s.Env[0] + "`"
		}
		def := s.Default
		if def != "" {
			def = "`" + def + "`"
		}
		_, lineErr := fmt.Fprintf(w, "| `%s` | %s | %s | %s (%s) |\n", s.Path, env, def, strings.ReplaceAll(s.Doc, "|", `\|`), s.Kind)
		err = errors.Join(err, lineErr)
	}
	return err
}

// WriteValues prints every setting as it is in force, and where that comes from.
func (r *Report) WriteValues(w io.Writer) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range r.Values {
		path := v.Path
		if v.Vhost != "" {
			path += " of " + v.Vhost
		}
		fmt.Fprintf(columns, "%s\t%s\t# %s\n", path, v.Text, v.From) // an error is kept for Flush
	}
	return columns.Flush()
}
