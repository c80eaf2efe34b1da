// Package config is the SRS configuration language, bound to plain structs.
//
// A package that has settings declares them once, as fields of a struct of its own:
//
//	type Config struct {
//		Enabled bool          `conf:"enabled" default:"on" doc:"Whether the API is served."`
//		Listen  string        `conf:"listen" default:"8080" doc:"Port, or address and port."`
//		Timeout time.Duration `conf:"timeout" default:"30" unit:"s" doc:"How long a silent client may stay."`
//		TCP     TCP           `conf:"tcp" doc:"WebRTC over TCP."`
//	}
//
// A struct is a section, a slice takes several arguments, an embedded struct (or the tag `conf:",inline"`) belongs to the
// section around it, and Vhosts is the section of virtual hosts. Types with UnmarshalText read themselves. Further tags:
// `words:"one two"` takes those alone, and for another, with a warning, the default, as SRS does; `secret:"true"` keeps a
// value out of what is printed; `env:"-"` takes no value from the environment. The default of a switch decides SRS's
// rule: on by default is off for exactly `off`, off by default is on for exactly `on`. As in SRS, a setting named
// candidate, and no other, may be given as $NAME, which is an environment variable.
//
// A struct may have a method Check() error, called when its fields are set. Each error it returns (errors.Join for several)
// is reported where the section stands, or, if the message begins with a setting's name ("listen must be a port"), where
// that setting stands.
package config

import (
	"errors"
	"fmt"
	"reflect"
)

// Input is what a configuration is made from.
type Input struct {
	Source  Source                            // the file, or the built-in text
	Include func(path string) ([]byte, error) // reads the files that Source includes; nil if none may be
	Environ []string                          // as os.Environ gives it
	EnvOnly bool                              // Source counts for nothing, there is one virtual host, the default one
}

// Report is what there is to say about a configuration besides its errors.
type Report struct {
	Warnings Problems
	Unread   []Unread // variables SRS_… that nothing reads
	Values   []Value  // every setting as it is in force
}

// Load sets the struct that target points to, the root of all declarations: from the environment, else from the file,
// else from the defaults. The error is a *Problems if the configuration is at fault; there is a report even then.
func Load(in Input, target any) (*Report, error) {
	v := reflect.ValueOf(target)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return &Report{}, fmt.Errorf("config: the target is a %T, not a pointer to a struct", target)
	}
	declared, err := declare(v.Elem().Type())
	if err != nil {
		return &Report{}, err
	}
	b := &binder{env: newEnvironment(in.Environ), envOnly: in.EnvOnly, root: declared, known: knownDirectives(), report: &Report{}}
	file, err := read(in)
	if err != nil {
		return b.report, err
	}
	if file != nil {
		b.checkNames(declared, b.known, file)
	}
	b.refuseUnsafe(file)
	b.section(declared, v.Elem(), file)
	b.findUnread()
	b.report.Warnings.sort()
	b.errors.sort()
	if len(b.errors.List) > 0 {
		return b.report, &b.errors
	}
	return b.report, nil
}

// read parses the file, nil if only the environment counts, and refuses what SRS refuses as a whole.
func read(in Input) (*Directive, error) {
	if in.EnvOnly {
		return nil, nil
	}
	file, err := Parse(in.Source, in.Include)
	var p Problem
	switch {
	case errors.As(err, &p):
		return nil, &Problems{List: []Problem{p}}
	case err != nil:
		return nil, err
	case len(file.Block) == 0:
		p = Problem{Pos: file.Pos, Text: "the configuration is empty"}
	case file.First("is_full").Arg() == "on":
		p = Problem{Pos: file.First("is_full").Pos, Text: "`is_full on` marks a list of every setting, which is not meant to be run"}
	default:
		modernise(file)
		return file, nil
	}
	return nil, &Problems{List: []Problem{p}}
}
