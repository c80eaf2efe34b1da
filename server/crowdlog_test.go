package server

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A crowd gets so many lines of a message in a period, and the next line counts the rest. Other messages are told meanwhile.
func TestCrowdLog(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			crowd := newCrowdLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})))
			for range 1000 {
				crowd.With("session", "x").Info("client refused")
			}
			crowd.WithGroup("g").Info("another", "a", 1)
			time.Sleep(crowdPeriod)
			crowd.Info("client refused", "last", true)
			crowd.Info("client refused", "really", true)
			text := out.String()
			told, leftOut := strings.Count(text, "level=INFO msg=\"client refused\""), 1000-crowdLines
			if told != crowdLines+2 || !strings.Contains(text, fmt.Sprintf("last=true left_out_before=%d\n", leftOut)) || !strings.Contains(text, "g.a=1") {
				t.Errorf("%d lines: %s", told, text)
			}
			if strings.Count(text, "left_out_before") != 1 {
				t.Error(text)
			}
			if n := strings.Count(text, "level=DEBUG"); n != 0 && level != slog.LevelDebug || n != leftOut && level == slog.LevelDebug {
				t.Errorf("%d lines for debugging at %v", n, level)
			}
		})
	}
}

// What costs a stranger nothing costs the log no more than some lines: offers that are refused, offers that nothing follows, ICE
// restarts of those, and players of streams that nobody publishes.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	const crowd = 100
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		log := &lateLog{}
		s, err := start(c, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.rtcTCPPort = 8080
		offer := offerFile(t, "chromium-play-H264")
		for i := range crowd {
			local(s, http.MethodPost, "/rtc/v1/whip/?stream=x", "v=0", sdpType)
			local(s, http.MethodPost, "/rtc/v1/publish/", "{}")
			res := local(s, http.MethodPost, fmt.Sprintf("/rtc/v1/whep/?stream=%d", i), offer, sdpType)
			if res.StatusCode != http.StatusCreated {
				t.Fatal(res.Status)
			}
			fragment := "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
			res = local(s, http.MethodPatch, res.Header.Get("Location"), fragment, "Content-Type: application/trickle-ice-sdpfrag", "If-Match: *")
			if res.StatusCode != http.StatusOK {
				t.Fatal(res.Status, text(t, res))
			}
			v, err := s.watch(streamName(fmt.Sprint("nobody", i)), origin{kind: "flv-play"})
			if err != nil {
				t.Fatal(err)
			}
			v.end(errGone)
		}
		time.Sleep(time.Minute)
		if n := len(s.sessions.all()); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		if lines := strings.Count(log.text(), "\n"); lines > 5*2*crowdLines {
			t.Errorf("%d lines:\n%s", lines, log.text()[:2000])
		}
		if text := log.text(); !strings.Contains(text, "client refused") || !strings.Contains(text, "session ended") || !strings.Contains(text, "viewer left") {
			t.Error(text)
		}
	})
}

// What a client shows to be let in, and what lets it in again, is in no line of the log, at any level.
func TestLogHasNoSecrets(t *testing.T) {
	c := configure(t, withHLS("hls_ctx off;", ""))
	log := &lateLog{}
	s, err := Open(c, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	const secret = "s3cret"
	bearer := "Authorization: Bearer " + secret
	for _, offer := range []string{"chromium-publish-H264", "chromium-publish-VP8"} { // the second is refused
		call(t, http.MethodPost, base(s)+"/rtc/v1/whip/?stream=a&token="+secret, offerFile(t, offer), sdpType, bearer)
	}
	res := post(t, base(s)+"/rtc/v1/whep/?stream=a&token="+secret, offerFile(t, "chromium-play-default"), bearer)
	at := resource(t, s, res)
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	token := u.Query().Get("token")
	call(t, http.MethodPatch, at, "nonsense", bearer)
	call(t, http.MethodDelete, at, "", bearer)
	call(t, http.MethodDelete, at, "", bearer)
	call(t, http.MethodPost, base(s)+"/rtc/v1/play/", rtcBody(t, "webrtc://h/live/b?token="+secret, offerFile(t, "chromium-play-default")))
	call(t, http.MethodPost, base(s)+"/rtc/v1/play/", rtcBody(t, "webrtc://h/live/b?token="+secret, "v=0"))
	for _, path := range []string{"/live/none.m3u8", "/live/none", "/api/v1/streams/"} {
		call(t, http.MethodGet, base(s)+path+"?token="+secret, "")
	}
	left := make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base(s)+"/live/none.flv?token="+secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(left)
		if res, err := http.DefaultClient.Do(req); err == nil {
			<-ctx.Done()
			res.Body.Close()
		}
	}()
	until(t, "the player waits", func() bool { return len(s.viewers.all()) == 1 })
	leave()
	<-left
	until(t, "the line of its end", func() bool { return strings.Contains(log.text(), "viewer left") })
	shown := log.text()
	for _, word := range []string{secret, token} {
		if word == "" || strings.Contains(shown, word) {
			t.Errorf("%q is in the log:\n%s", word, shown)
		}
	}
	if strings.Count(shown, "session=") < 3 {
		t.Errorf("the log says too little to prove anything:\n%s", shown)
	}
}
