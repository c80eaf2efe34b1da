package config

import (
	"errors"
	"strings"
	"testing"
)

var seeds = []string{
	"", "listen 1935;", "a { b 'c' \"d\"; }", "vhost x { rtc { enabled on; } }", "a\nb c\nd;", "a {", "}", "\"", "# x",
	"include a b;", "vhost x { refer y; forward z; mr { latency 1; } nack {} rtc { aac transcode; bframe keep; } }",
	"rtc_server { candidate $X $Y; listen -1; tcp { listen 1; } }", "http_api { auth { enabled on; } }", "\x00\xff;", "a \xc3;",
	"vhost a { play { mw_latency 1e300; queue_length nan; } }", "stream_caster { host x; sip { serial 1; } }",
}

// Any bytes parse, or are refused with a place in the file.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		include := func(string) ([]byte, error) { return text, nil }
		root, err := Parse(Source{Path: "f", Text: text}, include)
		if err == nil {
			checkTree(t, root, 0)
			return
		}
		var p Problem
		if !errors.As(err, &p) || p.Pos.Line < 1 || p.Pos.Column < 1 || p.Text == "" {
			t.Errorf("%#v is no problem with a place", err)
		}
	})
}

func checkTree(t *testing.T, d *Directive, depth int) {
	if depth > maxDepth {
		t.Fatalf("%d blocks deep", depth)
	}
	for _, c := range d.Block {
		if c.Name == "" || c.Name == "include" || c.Pos.Line < 1 || c.Pos.Column < 1 || len(c.Block) > 0 && !c.Braces {
			t.Fatalf("a broken directive: %+v", c)
		}
		checkTree(t, c, depth+1)
	}
}

// Any file with any environment loads, or is refused with a bounded list of problems that print on one line each.
func FuzzLoad(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "", false)
		f.Add(s, "SRS_RTC_SERVER_LISTEN=x\nSRS_VHOST_HTTP_HOOKS_ENABLED=on\nSRS_X=\nX", true)
	}
	f.Fuzz(func(t *testing.T, text, environ string, envOnly bool) {
		var c root
		report, err := Load(Input{Source: Source{Path: "f", Text: []byte(text)}, Environ: strings.Split(environ, "\n"), EnvOnly: envOnly}, &c)
		if len(report.Warnings.List) > maxProblems {
			t.Errorf("%d warnings", len(report.Warnings.List))
		}
		var p *Problems
		if err != nil && (!errors.As(err, &p) || len(p.List) == 0 || len(p.List) > maxProblems) {
			t.Fatalf("%v is not a list of problems", err)
		}
		if err != nil {
			for _, p := range p.List {
				if strings.ContainsAny(p.Text, "\r\n\x00") {
					t.Errorf("%q does not print on a line", p.Text)
				}
			}
		}
		if err == nil && envOnly && c.Vhosts.Find("x") == nil {
			t.Error("no default virtual host")
		}
	})
}
