package config

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"testing"
)

// documented has what the fixture lacks: a secret, values that need quotes, a setting without an environment variable.
type documented struct {
	Root   root   `conf:",inline"`
	Text   string `conf:"text" default:"a b" doc:"A | B."`
	Quoted string `conf:"quoted" default:"say \"x\"" env:"-" doc:"With quotes."`
	Secret string `conf:"password" secret:"true" doc:"Never printed."`
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestValues(t *testing.T) {
	var c documented
	report, err := Load(Input{
		Source:  Source{Path: "f", Text: []byte("max_connections 7;\npassword hush;\nvhost a { rtc { enabled on; } }\nvhost b {}")},
		Environ: []string{"SRS_VHOST_RTC_NACK=off", "SRS_RTC_SERVER_CANDIDATE=a b"},
	}, &c)
	if err != nil || c.Secret != "hush" {
		t.Fatal(err, c.Secret)
	}
	var values bytes.Buffer
	if err := report.WriteValues(&values); err != nil {
		t.Fatal(err)
	}
	golden(t, "values.txt", values.Bytes())
}

func TestDescribe(t *testing.T) {
	settings, err := Describe(new(root))
	if err != nil {
		t.Fatal(err)
	}
	byPath := make(map[string]Setting)
	for _, s := range settings {
		byPath[s.Path] = s
	}
	want := Setting{Path: "vhost.play.mw_latency", Env: []string{"SRS_VHOST_PLAY_MW_LATENCY"}, Kind: "milliseconds", Unit: "ms", Default: "350", Doc: "How long packets may wait for others."}
	if got := byPath[want.Path]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if len(byPath) != len(settings) || len(settings) != 18 {
		t.Errorf("%d settings, %d of them distinct", len(settings), len(byPath))
	}
}

// An output that fails is told.
func TestWriteErrors(t *testing.T) {
	broken := errors.New("broken")
	report := &Report{Values: make([]Value, 2)}
	if err := report.WriteValues(failing{broken}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
