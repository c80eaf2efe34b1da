package server

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A stream of a virtual host that the query names is played whole: each list leads to what it lists, which is at no other host.
func TestSegmentsOfVhostByQuery(t *testing.T) {
	for _, test := range []struct{ name, hls, list string }{
		{"MPEG-TS", "", "x.m3u8?vhost=one.example"},
		{"MPEG-TS, ids", "hls_ctx on;", "x.m3u8?vhost=one.example"},
		{"MPEG-TS, ids of lists alone", "hls_ctx on; hls_ts_ctx off;", "x.m3u8?domain=one.example"},
		{"MP4", "hls_use_fmp4 on;", "x.m3u8?vhost=one.example"},
		{"parts", "hls_low_latency on; hls_part_duration 200;", "x.m3u8?domain=one.example"},
		{"keys", "hls_keys on;", "x.m3u8?vhost=one.example"},
		{"DASH", "", "x.mpd?vhost=one.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if !strings.Contains(test.hls, "hls_ctx") {
					test.hls += " hls_ctx off;"
				}
				s := offline(t, configure(t, allOnOne+"vhost one.example { hls { enabled on; hls_fragment 1; "+test.hls+" } dash { enabled on; dash_fragment 1; } }"))
				v := visit{t: t, handler: site(s), at: "/live/" + test.list, seen: make(map[string]bool)}
				video, audio := h264AndAAC(t)
				name := streamName("x")
				name.Vhost = "one.example"
				in, err := s.publishFrames(name, origin{kind: "fmle-publish"})
				if err != nil {
					t.Fatal(err)
				}
				f := &synthetic{t: t, name: name, in: in, group: time.Second, size: 2000, video: video, audio: audio}
				f.feed(1)
				go ask(v.handler, "GET", v.at, "") // begins the segments
				synctest.Wait()
				for range 4 {
					f.feed(1)
					synctest.Wait()
				}
				v.list(v.at)
				in.end(errGone)
				if len(v.seen) < 4 {
					t.Errorf("only %v is listed", v.seen)
				}
			})
		})
	}
}

// visit gets all that a list leads to.
type visit struct {
	t       *testing.T
	handler http.Handler
	at      string
	seen    map[string]bool
}

// get gets what is named relative to the list.
func (v *visit) get(list, name string) string {
	base, _ := url.Parse(list)
	at, err := base.Parse(name)
	if err != nil {
		v.t.Fatal(err)
	}
	res := ask(v.handler, "GET", at.String(), "")
	body := text(v.t, res)
	if res.StatusCode != 200 {
		v.t.Errorf("%s: %s: %s", at, res.Status, body)
	}
	v.seen[at.String()] = true
	return body
}

// list gets a list, and what it lists.
func (v *visit) list(at string) {
	body := v.get(at, at)
	if strings.Contains(body, "<MPD") {
		v.manifest(at, body)
		return
	}
	for _, m := range regexp.MustCompile(`#EXT-X-(?:MAP|KEY|PART):.*URI="([^"]+)"`).FindAllStringSubmatch(body, -1) {
		v.get(at, m[1])
	}
	for _, name := range listed(body) {
		if strings.Contains(name, ".m3u8") {
			base, _ := url.Parse(at)
			next, _ := base.Parse(name)
			v.list(next.String())
			continue
		}
		v.get(at, name)
	}
}

// manifest gets what an MPD lists.
func (v *visit) manifest(at, body string) {
	var mpd struct {
		Tracks []struct {
			Media string `xml:"media,attr"`
			Init  string `xml:"initialization,attr"`
			First struct {
				Time string `xml:"t,attr"`
			} `xml:"SegmentTimeline>S"`
		} `xml:"Period>AdaptationSet>Representation>SegmentTemplate"`
	}
	if err := xml.Unmarshal([]byte(body), &mpd); err != nil {
		v.t.Fatal(err)
	}
	for _, track := range mpd.Tracks {
		v.get(at, track.Init)
		v.get(at, strings.Replace(track.Media, "$Time$", track.First.Time, 1))
	}
}

// What a list repeats for each of its names is the host's name as the settings have it, however long what the client said.
func TestListsRepeatNoClient(t *testing.T) {
	s := open(t, configure(t, withHLS("hls_ctx off; hls_use_fmp4 on;", "dash { enabled on; }")))
	video, audio := h264AndAAC(t)
	synthesize(t, s, "x", video, audio).play(s, "/live/x.m3u8", 4)
	long := strings.Repeat("%22", 5000)
	for _, list := range []string{"x.m3u8", "x.mpd"} {
		for _, query := range []string{"vhost=" + long, "domain=" + long, "vhost=__defaultVhost__&domain=" + long} {
			body, _ := fetch(t, base(s)+"/live/"+list+"?"+query)
			if len(body) > 5000 || !strings.Contains(body, "?vhost=__defaultVhost__") {
				t.Errorf("%s: %d bytes: %.1000s", list, len(body), body)
			}
		}
	}
}
