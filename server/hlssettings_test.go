package server

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oneport/hls"
	"oneport/media"
	"oneport/ts"
)

// segmented is what a player of HLS has got: the playlist it asked for, and the one that this leads to where there is another.
type segmented struct {
	t            *testing.T
	s            *Server
	first, lists string
}

// playSegments publishes five seconds of picture and sound and plays them with these settings.
func playSegments(t *testing.T, settings string) segmented {
	t.Helper()
	s := open(t, configure(t, withHLS(settings, "")))
	video, audio := h264AndAAC(t)
	synthesize(t, s, "x", video, audio).play(s, "/live/x.m3u8", 5)
	p := segmented{t: t, s: s}
	p.first, _ = fetch(t, base(s)+"/live/x.m3u8")
	p.lists = p.first
	if strings.Contains(p.first, "EXT-X-STREAM-INF") {
		p.lists, _ = fetch(t, base(s)+"/live/"+listed(p.first)[0])
	}
	if len(listed(p.lists)) < 5 {
		t.Fatalf("not all that was published is listed:\n%s", p.lists)
	}
	return p
}

// get fetches what the playlist names; what is elsewhere comes from us, too.
func (p segmented) get(uri string) string {
	p.t.Helper()
	at, err := url.Parse(base(p.s) + "/live/x.m3u8")
	if err != nil {
		p.t.Fatal(err)
	}
	found, err := at.Parse(uri)
	if err != nil {
		p.t.Fatal(err)
	}
	found.Scheme, found.Host = at.Scheme, at.Host
	body, _ := fetch(p.t, found.String())
	return body
}

// uris are what the tag names.
func (p segmented) uris(tag string) (list []string) {
	for _, found := range regexp.MustCompile(`#EXT-X-`+tag+`:.*URI="([^"]+)"`).FindAllStringSubmatch(p.lists, -1) {
		list = append(list, found[1])
	}
	return list
}

// tracks says how many frames of sound and of picture a segment has.
func tracks(segment string) (counts [media.Kinds]int) {
	r := ts.Reader{}
	frames := r.Read(time.Now(), nil, []byte(segment))
	for _, f := range r.Flush(time.Now(), frames) {
		counts[f.Kind()]++
	}
	return counts
}

// Each setting of HLS does to the playlist and the segments what it says.
func TestHLSSettings(t *testing.T) {
	for settings, check := range map[string]func(p segmented) bool{
		"hls_acodec an;": func(p segmented) bool {
			n := tracks(p.get(listed(p.lists)[4]))
			return n[media.Audio] == 0 && n[media.Video] > 0 && strings.Contains(p.first, `CODECS="avc1.42c01e"`)
		},
		"hls_vcodec vn;": func(p segmented) bool {
			n := tracks(p.get(listed(p.lists)[4]))
			return n[media.Audio] > 0 && n[media.Video] == 0 && strings.Contains(p.first, `CODECS="mp4a.40.2"`)
		},
		"hls_ts_ctx off;": func(p segmented) bool {
			return strings.Contains(p.first, "hls_ctx=") && !strings.Contains(p.lists, "hls_ctx=")
		},
		"hls_ctx off; hls_entry_prefix https://cdn.example;": func(p segmented) bool {
			return strings.HasPrefix(listed(p.lists)[0], "https://cdn.example/live/x-") && tracks(p.get(listed(p.lists)[4]))[media.Video] > 0
		},
		"hls_ctx off; hls_entry_prefix https://cdn.example/hls/;": func(p segmented) bool { // as in SRS: a name alone, behind a slash
			return strings.HasPrefix(listed(p.lists)[0], "https://cdn.example/hls/x-")
		},
		"hls_ctx off; hls_keys on; hls_key_url https://keys.example/;": func(p segmented) bool {
			key := p.uris("KEY")[0]
			return strings.HasPrefix(key, "https://keys.example/live/x-") && len(p.get(key)) == 16
		},
		"hls_ctx off; hls_window 30; hls_keys on; hls_fragments_per_key 1;": func(p segmented) bool {
			keys := p.uris("KEY")
			return len(keys) == len(listed(p.lists)) && len(slices.Compact(keys)) == len(keys)
		},
		"hls_ctx off; hls_window 30; hls_keys on; hls_fragments_per_key 3;": func(p segmented) bool {
			return len(p.uris("KEY")) == (len(listed(p.lists))+2)/3
		},
		"hls_ctx off; hls_use_fmp4 on; hls_init_file heads/[app]/[stream]-[seq].mp4;": func(p segmented) bool {
			head := p.uris("MAP")
			return len(head) == 1 && strings.HasPrefix(head[0], "/heads/live/x-") && p.get(head[0])[4:8] == "ftyp"
		},
		"hls_ctx off; hls_use_fmp4 on; hls_init_file [app]/[stream]/init.mp4;": func(p segmented) bool { // SRS's own default
			return regexp.MustCompile(`^x/init-\d+\.mp4$`).MatchString(p.uris("MAP")[0])
		},
	} {
		p := playSegments(t, settings)
		if !check(p) {
			t.Errorf("%s\n%s\n%s", settings, p.first, p.lists)
		}
	}
}

// playMPD publishes a second after the other until the MPD is as wanted.
func playMPD(t *testing.T, s *Server, path string, wanted func(mpd string) bool) (mpd string) {
	t.Helper()
	video, audio := h264AndAAC(t)
	source := synthesize(t, s, "x", video, audio)
	source.feed(1)
	var first sync.WaitGroup
	first.Go(func() { fetch(t, base(s)+path) })
	until(t, "the request to wait, and its segments to begin", func() bool {
		all := s.segmenters.list()
		if len(all) != 1 || s.segmenters.waits.Load() != 1 {
			return false
		}
		begun := false
		all[0].with(func(m *hls.Muxer) { begun = m.Stats().Frames > 0 })
		return begun
	})
	source.feed(4)
	first.Wait()
	until(t, "the MPD to be as wanted", func() bool {
		source.feed(1)
		mpd, _ = fetch(t, base(s)+path)
		return wanted(mpd)
	})
	return mpd
}

// attribute is one of the MPD's.
func attribute(mpd, name string) string {
	if found := regexp.MustCompile(` ` + name + `="([^"]*)"`).FindStringSubmatch(mpd); found != nil {
		return found[1]
	}
	return ""
}

// Each setting of DASH does to the MPD what it says; where the segments are those of HLS, their length and number are too.
func TestDASHSettings(t *testing.T) {
	const fmp4 = "hls_use_fmp4 on;"
	for _, c := range []struct{ hls, dash, path, period, depth string }{
		{"", "dash_fragment 1; dash_update_period 0.5; dash_window_size 20; dash_timeshift 4;", "/live/x.mpd", "PT0.500S", "PT4.000S"},
		{"", "dash_fragment 1; dash_window_size 6; dash_timeshift 60;", "/live/x.mpd", "PT1.000S", "PT6.000S"},
		{"", "dash_fragment 1; dash_window_size 4; dash_mpd_file dash/[app]/[stream].mpd;", "/dash/live/x.mpd", "PT1.000S", "PT4.000S"},
		{fmp4, "dash_fragment 3; dash_update_period 0.5; dash_timeshift 60; dash_mpd_file dash/[app]/[stream].mpd;", "/dash/live/x.mpd", "PT0.500S", "PT5.000S"},
	} {
		s := open(t, configure(t, withHLS(c.hls, "dash { enabled on; "+c.dash+" }")))
		depth, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(c.depth, "PT")))
		if err != nil {
			t.Fatal(err)
		}
		segments := int(depth / time.Second)
		gone := ""
		mpd := playMPD(t, s, c.path, func(mpd string) bool { // until the first of what it names is gone, and all the window is there
			first := regexp.MustCompile(`<S t="(\d+)"`).FindString(mpd)
			if gone == "" {
				gone = first
			}
			return first != gone && strings.Count(mpd, "<S ") >= 2*segments
		})
		if strings.Count(mpd, "<S ") != 2*segments || attribute(mpd, "timeShiftBufferDepth") != c.depth || attribute(mpd, "minimumUpdatePeriod") != c.period {
			t.Errorf("%s: %s\n%s", c.hls, c.dash, mpd)
		}
		mp4, err := url.Parse(base(s) + c.path)
		if err == nil {
			mp4, err = mp4.Parse(attribute(mpd, "initialization"))
		}
		if err != nil {
			t.Fatal(err)
		}
		if head, _ := fetch(t, mp4.String()); head[4:8] != "ftyp" || !strings.HasPrefix(mp4.Path, strings.TrimSuffix(c.path, ".mpd")+"/") {
			t.Errorf("%s is no initialization segment", mp4)
		}
		if res := call(t, "GET", base(s)+"/live/x.mpd", ""); (res.StatusCode == 200) != (c.path == "/live/x.mpd") {
			t.Errorf("%s: /live/x.mpd: %s", c.dash, res.Status)
		}
	}
}
