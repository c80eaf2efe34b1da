package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A fault in a declaration is told as the program's, whatever the configuration.
func TestDeclarationFaults(t *testing.T) {
	type twice struct {
		A int `conf:"a"`
	}
	type withDuration struct {
		D []time.Duration `conf:"d"`
	}
	for _, c := range []struct {
		target any
		want   string
	}{
		{new(struct {
			a int `conf:"a"`
		}), "is not exported"},
		{new(struct {
			A int  `conf:"a"`
			B bool `conf:"a"`
		}), "a is declared twice"},
		{new(struct {
			A twice `conf:",inline"`
			B twice `conf:",inline"`
		}), "a is declared twice"},
		{new(struct {
			D time.Duration `conf:"d" default:"1"`
		}), "a duration needs the unit"},
		{new(struct {
			S withDuration `conf:"s"`
		}), "a duration needs the unit"},
		{new(struct {
			N int `conf:"n" default:"x"`
		}), "the default: `x` is not a whole number"},
		{new(struct {
			N uint8 `conf:"n" default:"256"`
		}), "the default: `256` is out of range"},
		{new(struct {
			M map[string]int `conf:"m" default:"x"`
		}), "cannot be a setting"},
		{new(struct {
			P *int `conf:"p"`
		}), "cannot be a setting"},
		{new(struct {
			L [][]int `conf:"l"`
		}), "cannot be a setting"},
		{new(struct {
			C complex64 `conf:"c"`
		}), "cannot be a setting"},
		{new(struct {
			U []uintptr `conf:"u"`
		}), "cannot be a setting"},
		{new(struct {
			F int `conf:",inline"`
		}), "is not a struct"},
		{new(int), "is not a struct"},
	} {
		_, err := Describe(c.target)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want %s", c.target, err, c.want)
		}
	}
	for _, target := range []any{nil, root{}, (*root)(nil), new(int)} {
		if _, err := Load(Input{EnvOnly: true}, target); err == nil {
			t.Errorf("%T was loaded", target)
		}
	}
}

// Every type that can be a setting.
func TestTypes(t *testing.T) {
	var c struct {
		Int      int8            `conf:"int" default:"-5"`
		Uint     uint16          `conf:"uint"`
		Float    float32         `conf:"float"`
		Duration time.Duration   `conf:"duration" unit:"ms"`
		Minutes  []time.Duration `conf:"minutes" unit:"min"`
		Ints     []int           `conf:"ints" default:"1 2"`
		Text     string          `conf:"text" default:"a b"`
		Protos   []protocol      `conf:"protos"`
		ignored  int
		Ignored  func() `conf:"-"`
	}
	text := "uint 65535; float 1.5; duration 0.5; minutes 1 0.5; protos tcp all;"
	if _, err := Load(Input{Source: Source{Path: "f", Text: []byte(text)}}, &c); err != nil {
		t.Fatal(err)
	}
	want := "-5 65535 1.5 500µs [1m0s 30s] [1 2] a b [tcp all] 0\n"
	if got := fmt.Sprintln(c.Int, c.Uint, c.Float, c.Duration, c.Minutes, c.Ints, c.Text, c.Protos, c.ignored); got != want {
		t.Errorf("%snot %s", got, want)
	}
}

func TestValueFaults(t *testing.T) {
	type target struct {
		Int      int8          `conf:"int"`
		Uint     uint8         `conf:"uint"`
		Float    float64       `conf:"float"`
		Duration time.Duration `conf:"duration" unit:"s"`
		Ints     []int         `conf:"ints"`
	}
	for text, want := range map[string]string{
		"int 128;":       "`128` is out of range",
		"int 1.5;":       "`1.5` is not a whole number",
		"uint -1;":       "`-1` is not a whole number from 0 on",
		"float inf;":     "`inf` is not a number",
		"float 1e999;":   "`1e999` is out of range",
		"duration 1s;":   "`1s` is not a number of s",
		"duration 1e99;": "`1e99` s is out of range",
		"duration nan;":  "`nan` is not a number of s",
		"ints 1 2 x;":    "`x` is not a whole number",
	} {
		_, err := Load(Input{Source: Source{Path: "f", Text: []byte(text)}}, new(target))
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s %v, want %s", text, err, want)
		}
	}
}

// checked has checks at its root, in what it embeds, and in a virtual host.
type checked struct {
	Embedded
	Vhosts Vhosts[Embedded] `conf:"vhost"`
}

type Embedded struct {
	Port int `conf:"port" default:"1"`
	TCP  struct {
		Port int `conf:"port" default:"2"`
	} `conf:"tcp"`
}

func (e Embedded) Check() error {
	switch e.Port {
	case 1:
		return nil
	case e.TCP.Port:
		return errors.New("tcp.port must differ from port")
	}
	return fmt.Errorf("only port 1 will do: %w", errors.New("it is the first"))
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"port 1;":                             "",
		"port 3;":                             "only port 1 will do: it is the first",
		"port 2;":                             "`tcp.port` must differ from port (SRS_TCP_PORT)",
		"port 4;\ntcp { port 4; }":            "f:2:12: `tcp.port` must differ from port (SRS_TCP_PORT)",
		"vhost a {}\nvhost b { port 3; }":     "f:2:1: `vhost`: only port 1 will do: it is the first",
		"vhost a { tcp { port 4; } port 4; }": "f:1:22: `vhost.tcp.port` must differ from port (SRS_VHOST_TCP_PORT)",
		"port 3; tcp { port x; }":             "f:1:20: `tcp.port`: `x` is not a whole number",
	} {
		_, err := Load(Input{Source: Source{Path: "f", Text: []byte(text)}}, new(checked))
		if got := fmt.Sprint(err); err != nil && got != want || err == nil && want != "" {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
	// Where a variable set it, the variable is to blame.
	_, err := Load(Input{EnvOnly: true, Environ: []string{"SRS_PORT=4", "SRS_TCP_PORT=4"}}, new(checked))
	if want := "environment: SRS_TCP_PORT: `tcp.port` must differ from port"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
