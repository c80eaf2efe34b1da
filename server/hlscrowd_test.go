package server

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// One address can't keep viewers of HLS from being listed: when the table is full, the address with the most ids gives up the one
// that has been silent for longest. Whoever finds no place is counted.
func TestHLSViewersShareTheTable(t *testing.T) {
	c := configure(t, "max_connections 6; "+withHLS("", ""))
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		enter := func(address, id string) *hlsViewer {
			t.Helper()
			time.Sleep(10 * time.Millisecond)
			r := httptest.NewRequest("GET", "/live/x.m3u8", nil)
			r.RemoteAddr = address + ":1234"
			q := &segmentRequest{server: s, r: r, key: segmenterKey{name: streamName("x")}}
			if _, err := q.enter(id); err != nil {
				t.Fatal(err)
			}
			return q.viewer
		}
		var crowd []*hlsViewer
		for range 6 {
			crowd = append(crowd, enter("192.0.2.1", ""))
		}
		if enter("192.0.2.1", "") != nil {
			t.Error("an address displaces its own viewers")
		}
		crowd[1].dismiss(errKicked)
		enter("192.0.2.1", crowd[0].id) // says something again
		second := enter("192.0.2.2", "")
		if second == nil || s.hlsViewers.byID(second.id) != second {
			t.Fatal("another address is not listed")
		}
		if s.hlsViewers.byID(crowd[2].id) != nil || s.hlsViewers.byID(crowd[0].id) == nil || s.hlsViewers.ids[crowd[1].id] == nil {
			t.Error("it is not the one who was silent for longest that goes, or one that was kicked is forgotten")
		}
		third, fourth := enter("192.0.2.2", "abcdefgh"), enter("192.0.2.3", "")
		if third == nil || third.id != "abcdefgh" || fourth == nil {
			t.Fatal("the addresses do not share")
		}
		if enter("192.0.2.2", "") != nil || enter("192.0.2.1", crowd[2].id) != nil {
			t.Error("two thirds of the table displace each other")
		}
		got := text(t, ask(site(s), "GET", "/metrics", ""))
		for _, want := range []string{"oneport_hls_viewers_unlisted_total 3", "oneport_hls_viewers_displaced_total 3", `oneport_frame_viewers{type="hls-play"} 5`} {
			if !strings.Contains(got, "\n"+want+"\n") {
				t.Errorf("not %s in:\n%s", want, got)
			}
		}
		time.Sleep(time.Minute)
		if list := s.hlsViewers.all(s); len(list) > 0 || len(s.hlsViewers.of) > 0 {
			t.Errorf("a minute later there are %d viewers, of %v", len(list), s.hlsViewers.of)
		}
		if enter("192.0.2.1", "") == nil {
			t.Error("there is no place any more")
		}
	})
}

// Viewers that there is no room to tell apart are served all the same, by a playlist without ids.
func TestHLSServesTheUnlisted(t *testing.T) {
	s := open(t, configure(t, "max_connections 2; "+withHLS("", "")))
	video, audio := h264AndAAC(t)
	f := synthesize(t, s, "x", video, audio)
	f.play(s, "/live/x.m3u8", 3) // the first viewer
	for range 3 {
		fetch(t, base(s)+"/live/x.m3u8")
	}
	unlisted := s.hlsViewers.unlisted.Load()
	for range 3 {
		playlist, _ := fetch(t, base(s)+"/live/x.m3u8")
		if len(listed(playlist)) == 0 || strings.Contains(playlist, "hls_ctx") {
			t.Errorf("an unlisted viewer gets %s", playlist)
		}
	}
	if got := s.hlsViewers.unlisted.Load() - unlisted; got != 3 || s.panics() != 0 {
		t.Errorf("%d were unlisted, %d panics", got, s.panics())
	}
}
