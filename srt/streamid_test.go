package srt

import (
	"errors"
	"strings"
	"testing"
)

func TestParseStreamID(t *testing.T) {
	for id, want := range map[string]Resource{
		"#!::r=live/livestream,m=publish":                   {Publish: true, App: "live", Stream: "livestream"},
		"#!::r=live/livestream,m=request":                   {App: "live", Stream: "livestream"},
		"#!::r=live/livestream":                             {App: "live", Stream: "livestream"},
		"#!::h=tv.example,r=live/x,m=publish,key=1,user=me": {Publish: true, Vhost: "tv.example", App: "live", Stream: "x", Query: "key=1&user=me"},
		"#!::h=live/livestream,m=publish":                   {Publish: true, App: "live", Stream: "livestream"},
		"#!::h=tv.example/live/livestream,m=publish":        {Publish: true, Vhost: "tv.example", App: "live", Stream: "livestream"},
		"#!::r=live/x?secret=y,m=publish":                   {Publish: true, App: "live", Stream: "x", Query: "secret=y"},
		"#!::m=publish,r=/a/b/c":                            {Publish: true, App: "a/b", Stream: "c"},
		"#!::r=x,m=request":                                 {App: "app", Stream: "x"},
		"live/livestream":                                   {App: "live", Stream: "livestream"},
		"livestream":                                        {App: "app", Stream: "livestream"},
	} {
		if got, err := ParseStreamID(id, "app"); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", id, got, err, want)
		}
	}
	for id, want := range map[string]error{"": errNoStream, "#!::": errNoStream, "#!::m=publish": errNoStream, "live/": nil, "/": errNoStream, "#!::r=a/b,m=steal": errMode} {
		if _, err := ParseStreamID(id, "app"); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", id, err, want)
		}
	}
}

func FuzzParseStreamID(f *testing.F) {
	for _, id := range []string{"#!::h=tv.example,r=live/x,m=publish,key=1", "#!::h=a/b/c", "live/livestream?x=y", "#!::r=?,,=,m"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		r, err := ParseStreamID(id, "live")
		if err == nil && (r.Stream == "" || r.App == "" && !strings.Contains(id, "/") || strings.Contains(r.Stream, "/")) {
			t.Errorf("%q: %+v", id, r)
		}
	})
}
