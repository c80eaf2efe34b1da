package server

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
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
