package hls

import (
	"encoding/xml"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCheckTemplate(t *testing.T) {
	for text, good := range map[string]bool{
		"[app]/[stream]-[seq].ts": true, "./[app]/[stream].m3u8": true, "[vhost]/[app]/[2006]/[01]/[02]/[stream]-[15][04][05][999].ts": true,
		"[stream].m3u8": true, "../[stream].ts": false, "/[app]/[stream].ts": false, "[app]/../[stream].ts": false, "": false, "x.ts": false,
		"[app]/[stream]/[stream].ts": false, "[app]/[stream]-[number].ts": false, "[app]\\[stream].ts": false, "[app]/[stream]\x00.ts": false,
		"[app]/[stream].ts?x": false,
	} {
		if err := CheckTemplate(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever app and stream are called, a file is below its directory and is not hidden.
func FuzzNames(f *testing.F) {
	for _, name := range []string{"live", "..", ".", "", "a/b", `..\..\x`, "/etc/passwd", "a\x00b", "%2e%2e", "[seq]", "c:", "..."} {
		f.Add(name, name)
	}
	f.Fuzz(func(t *testing.T, app, stream string) {
		n := Names{App: app, Stream: stream, Vhost: app}
		name := n.expand("[vhost]/[app]/[stream]-[seq].ts", "7", time.Unix(0, 0), 0)
		if !filepath.IsLocal(name) || strings.ContainsAny(name, "\\\x00\n") || strings.Count(name, "/") != 2 {
			t.Errorf("%q, %q: %q", app, stream, name)
		}
		for part := range strings.SplitSeq(name, "/") {
			if part == "" || part[0] == '.' {
				t.Errorf("%q, %q: %q", app, stream, name)
			}
		}
		if strings.ContainsAny(escape(name), "\"\n <>") {
			t.Errorf("%q does not fit into a playlist", escape(name))
		}
	})
}

func TestMatch(t *testing.T) {
	templates := Templates{
		Playlist: "[app]/[stream].m3u8", Segment: "[app]/[stream]-[seq].m4s", Init: "[app]/[stream]/init.mp4", Key: "[app]/[stream]-[seq].key",
		MPD: "[app]/[stream].mpd",
	}
	p := templates.Patterns()
	for path, want := range map[string]struct {
		what   Asked
		stream string
	}{
		"/live/a.m3u8": {Playlist, "a"}, "/live/a.mpd": {MPD, "a"}, "/live/a-1.m4s": {Other, "a"}, "/live/a-2-1.m4s": {Other, "a-2"},
		"/live/a-1.p3.m4s": {Other, "a"}, "/live/a/init-5.mp4": {Other, "a"}, "/live/a/init.mp4": {Nothing, ""}, "/live/a-1.key": {Other, "a"},
		"/live/a/video-12-99.m4s": {Other, "a"}, "/live/a/audio-init-12.mp4": {Other, "a"}, "/live/x/a.m3u8": {Nothing, ""},
		"/live/a-x.m4s": {Nothing, ""}, "/live/.m3u8": {Nothing, ""}, "/a.m3u8": {Nothing, ""},
	} {
		if what, app, stream := p.Match(path); what != want.what || stream != want.stream || what != Nothing && app != "live" {
			t.Errorf("%s: %v %q %q", path, what, app, stream)
		}
	}
}

func TestRelative(t *testing.T) {
	for _, test := range [][3]string{
		{"live/a.m3u8", "live/a-1.ts", "a-1.ts"}, {"live/a.m3u8", "live/a/init.mp4", "a/init.mp4"}, {"live/a.m3u8", "x/a-1.ts", "/x/a-1.ts"},
		{"live/a b.m3u8", "live/a b\"-1.ts", "a%20b%22-1.ts"},
	} {
		if got := relative(test[0], test[1]); got != test[2] {
			t.Errorf("%v: %s", test, got)
		}
	}
}

func TestSettings(t *testing.T) {
	good := Settings{
		Fragment: 2 * time.Second, TDRatio: 1, AOFRatio: 2.1, Window: 10 * time.Second, M3U8File: "[app]/[stream].m3u8", TSFile: "[app]/[stream]-[seq].ts",
		FMP4File: "[app]/[stream]-[seq].m4s", InitFile: "[app]/[stream]/init.mp4", KeyFile: "[app]/[stream]-[seq].key", KeyEvery: 5, Part: time.Second,
		ACodec: "mp3", VCodec: "h265",
		MaxBytes: 1 << 20,
	}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for text, change := range map[string]func(*Settings){
		"hls_fragment":          func(s *Settings) { s.Fragment = 0 },
		"hls_window":            func(s *Settings) { s.Window = time.Second },
		"hls_ts_file":           func(s *Settings) { s.TSFile = "../[stream].ts" },
		"hls_m3u8_file":         func(s *Settings) { s.M3U8File = "[stream].txt" },
		"hls_td_ratio":          func(s *Settings) { s.TDRatio = 0 },
		"hls_fragments_per_key": func(s *Settings) { s.KeyEvery = 0 },
		"hls_acodec must be":    func(s *Settings) { s.ACodec = "of" },
		"hls_vcodec must be":    func(s *Settings) { s.VCodec = "VN" },
		"hls_max_bytes":         func(s *Settings) { s.MaxBytes = 1<<20 - 1 },
		"leave nothing":         func(s *Settings) { s.ACodec, s.VCodec = "an", "vn" },
		"hls_part_duration":     func(s *Settings) { s.LowLatency, s.Part = true, time.Minute },
		"hls_keys":              func(s *Settings) { s.LowLatency, s.Keys = true, true },
		"leave hls_path empty":  func(s *Settings) { s.LowLatency, s.Path = true, "/x" },
		"[duration]":            func(s *Settings) { s.LowLatency, s.FMP4File = true, "[stream]-[seq]-[duration].m4s" },
		"must differ":           func(s *Settings) { s.UseFMP4, s.FMP4File, s.InitFile = true, "[stream].mp4", "[stream]-[seq].mp4" },
	} {
		s := good
		change(&s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A stream's name may have in it what templates have.
func TestNamesInMPD(t *testing.T) {
	o := testOptions(true)
	o.DASH, o.Names.Stream = true, "TIME$Time$&"
	m := New(o, 0)
	newSource(t, m).groups(2, time.Second)
	var mpd struct {
		Media []struct {
			Name string `xml:"media,attr"`
		} `xml:"Period>AdaptationSet>Representation>SegmentTemplate"`
	}
	if err := xml.Unmarshal(m.MPD(start, "?vhost=a&hls_ctx=b"), &mpd); err != nil {
		t.Fatal(err)
	}
	if len(mpd.Media) != 2 || mpd.Media[1].Name != "TIME%24Time%24&/video-0-$Time$.m4s?vhost=a&hls_ctx=b" {
		t.Errorf("%+v", mpd)
	}
}
