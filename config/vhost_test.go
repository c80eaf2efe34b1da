package config

import (
	"slices"
	"testing"
)

func TestFindVhost(t *testing.T) {
	const (
		both    = "vhost a { rtc { enabled on; } } vhost __defaultVhost__ {} vhost off { enabled off; }"
		without = "vhost a {} vhost b {}"
	)
	for _, c := range []struct{ file, name, want string }{
		{both, "a", "a"},
		{both, "b", DefaultVhost},
		{both, "", DefaultVhost},
		{both, DefaultVhost, DefaultVhost},
		{both, "off", ""}, // switched off is not the same as unknown
		{both, "A", DefaultVhost},
		{without, "a", "a"},
		{without, "c", ""},
		{"listen 1;", "a", ""},
		{"vhost __defaultVhost__ { enabled off; }", "a", ""},
	} {
		got, _ := load(t, c.file)
		name := ""
		if h := got.Vhosts.Find(c.name); h != nil {
			name = h.Name
		}
		if name != c.want {
			t.Errorf("%s: %q is served by %q, not %q", c.file, c.name, name, c.want)
		}
	}
	var none Vhosts[vhosted]
	if none.Find("a") != nil {
		t.Error("the zero set has a virtual host")
	}
}

func TestVhostOrderAndDuplicates(t *testing.T) {
	got, report := load(t, "vhost b { rtc { enabled on; } } vhost a {} vhost b { rtc { enabled off; } }")
	var names []string
	for h := range got.Vhosts.All() {
		names = append(names, h.Name)
	}
	if !slices.Equal(names, []string{"b", "a"}) || !got.Vhosts.Find("b").Settings.RTC.Enabled {
		t.Errorf("%v, %+v", names, got.Vhosts.Find("b"))
	}
	if len(report.Warnings.List) != 1 {
		t.Errorf("%v", &report.Warnings)
	}
}

// Loading again into the same struct leaves nothing of before.
func TestLoadAgain(t *testing.T) {
	var c root
	for _, text := range []string{"max_connections 5; rtc_server { candidate a b; } vhost a { rtc { enabled on; } }", "vhost b {}"} {
		if _, err := Load(Input{Source: Source{Path: "f", Text: []byte(text)}}, &c); err != nil {
			t.Fatal(err)
		}
	}
	if c.MaxConnections != 1000 || !slices.Equal(c.RTCServer.Candidate, []string{"*"}) || c.Vhosts.Find("a") != nil || c.Vhosts.Find("b") == nil {
		t.Errorf("%+v", c)
	}
}
