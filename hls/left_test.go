package hls

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a playlist names of this stream is found again, whatever the names are like, and nothing else is.
func TestLeft(t *testing.T) {
	plain := testOptions(false)
	elsewhere := testOptions(true)
	elsewhere.Names.Segment, elsewhere.Names.Init = "[vhost]/[2006]/[stream]/[timestamp]-[duration].m4s", "./[stream]-init.mp4"
	elsewhere.KeyEvery, elsewhere.Rand = 2, bytes.NewReader(make([]byte, 1024))
	cdn, site := testOptions(false), testOptions(true)
	cdn.Names.EntryPrefix, site.Names.EntryPrefix = "https://cdn.example", "https://cdn.example/hls/"
	site.KeyEvery, site.Rand, site.Names.KeyPrefix = 2, bytes.NewReader(make([]byte, 1024)), "https://keys.example/?"
	for name, o := range map[string]Options{"plain": plain, "elsewhere": elsewhere, "cdn": cdn, "site": site} {
		o.Names.Vhost, o.Names.Stream, o.Names.Mark = "host", "s (1)+ü", "123456"
		m := New(o, 281592798)
		newSource(t, m).groups(4, 2*time.Second)
		var found []string
		keys := 0
		for _, c := range o.Names.Left(m.Playlist("")) {
			if !c.Remove {
				t.Fatal(c)
			}
			if c.Key {
				keys++
			}
			found = append(found, c.Name)
		}
		var want []string
		for file := range m.files {
			want = append(want, file)
		}
		if o.KeyEvery > 0 { // that of the segment that grows is not listed, unless another shares it
			want = slices.DeleteFunc(want, func(s string) bool {
				return s == m.key.name && !m.uses(func(s *Segment) bool { return s.key == m.key }, nil)
			})
		}
		slices.Sort(want)
		slices.Sort(found)
		if found = slices.Compact(found); !slices.Equal(found, want) || keys > 0 != (o.KeyEvery > 0) {
			t.Errorf("%s: found %q, want %q", name, found, want)
		}
		other := o.Names
		other.Stream = "s (1)"
		if list := other.Left(m.Playlist("")); len(list) > 0 {
			t.Errorf("%s: another stream's: %v", name, list)
		}
	}
	o := testOptions(false)
	text := strings.Join([]string{
		"#EXTM3U", "s-1.ts", "s-12345678901.ts", "../s-281592798123456.ts", "/etc/s-281592798123456.ts", "movie.mp4", "%zz", "..", "/", "",
		"s-281592798123456.ts.bak", "https://s-281592798123456.ts", `#EXT-X-MAP:URI="s-281592798123456.ts"`, `#EXT-X-KEY:METHOD=AES-128,URI="s-1.key"`,
		"t-281592798123456.ts", "s-281592798123456.m3u8", "S-281592798123456.ts", "./s-281592798123456/../s.ts",
	}, "\n")
	if list := o.Names.Left(text); len(list) > 0 {
		t.Errorf("%v are not ours", list)
	}
}

// No playlist makes us remove anything that is not named as ours.
func FuzzLeft(f *testing.F) {
	f.Add("#EXTM3U\ns-281592798123456.ts\n")
	f.Add("#EXT-X-MAP:URI=\"%2e%2e/s/init-281592798123456.mp4\"\n../live/s-281592798123456.ts")
	f.Fuzz(func(t *testing.T, text string) {
		o := testOptions(false)
		for _, c := range o.Names.Left(text) {
			if !c.Remove || !strings.HasPrefix(c.Name, "live/s") || strings.Contains(c.Name, "..") || strings.ContainsAny(c.Name, "\n\\") {
				t.Errorf("%q", c.Name)
			}
		}
	})
}
