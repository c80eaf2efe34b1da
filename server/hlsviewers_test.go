package server

import (
	"regexp"
	"strings"
	"sync"
	"testing"
)

// remembering is withHLS with a window so long that no viewer is forgotten, which one is after two of them.
func remembering() string {
	return strings.Replace(withHLS("", ""), "hls_window 5;", "hls_window 60;", 1)
}

// An id belongs to the stream that it was first seen with: at another, its bearer is told another one.
func TestViewerIDsBelongToTheirStream(t *testing.T) {
	s := open(t, configure(t, remembering()))
	video, audio := h264AndAAC(t)
	synthesize(t, s, "x", video, audio).play(s, "/live/x.m3u8", 4)
	synthesize(t, s, "y", video, audio).play(s, "/live/y.m3u8", 4)
	fetch(t, base(s)+"/live/x.m3u8?hls_ctx=abcd1234")
	call(t, "DELETE", base(s)+"/api/v1/clients/abcd1234", "")
	master, _ := fetch(t, base(s)+"/live/y.m3u8?hls_ctx=abcd1234")
	found := regexp.MustCompile(`^y\.m3u8\?hls_ctx=(\w{8})$`).FindStringSubmatch(listed(master)[0])
	if found == nil || found[1] == "abcd1234" {
		t.Fatal(master)
	}
	if playlist, _ := fetch(t, base(s)+"/live/"+found[0]); len(listed(playlist)) < 3 {
		t.Error(playlist)
	}
	if res := call(t, "GET", base(s)+"/live/x.m3u8?hls_ctx=abcd1234", ""); res.StatusCode != 404 {
		t.Errorf("the kick is forgotten: %s", res.Status)
	}
}

// Of many first requests with one id at the same time, one viewer comes.
func TestViewerIDsAtOnce(t *testing.T) {
	s := open(t, configure(t, remembering()))
	video, audio := h264AndAAC(t)
	synthesize(t, s, "x", video, audio).play(s, "/live/x.m3u8", 4)
	before := s.stats.joined.Load()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() { fetch(t, base(s)+"/live/x.m3u8?hls_ctx=abcd1234") })
	}
	all.Wait()
	if n := s.stats.joined.Load() - before; n != 1 {
		t.Errorf("%d viewers of one id", n)
	}
}
