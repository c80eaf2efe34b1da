package server

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// long is more than a session may keep of anything.
var long = strings.Repeat("x", 50_000)

// heapOf is how much more is in use after the work than before.
func heapOf(work func()) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	work()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// What a session keeps of its request is bounded, whatever the URL, the headers and the offer hold.
func TestWhatSessionsKeep(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	site := site(s)
	offer := offerFile(t, "gst-play-h264") + strings.Repeat("a=x:"+long+"\r\n", 4)
	const sessions = 100
	for name, join := range map[string]func() *http.Response{
		"offer": func() *http.Response { return ask(site, "POST", "/rtc/v1/whep/", offer, sdpType) },
		"query": func() *http.Response {
			return ask(site, "POST", "/rtc/v1/whep/?app=a&stream=b&k="+long, offer, sdpType)
		},
		"Referer": func() *http.Response { return ask(site, "POST", "/rtc/v1/whep/", offer, sdpType, "Referer: "+long) },
		"X-Forwarded-For": func() *http.Response {
			return ask(site, "POST", "/rtc/v1/whep/", offer, sdpType, "X-Forwarded-For: "+long)
		},
		"X-Real-IP": func() *http.Response {
			return ask(site, "POST", "/rtc/v1/whep/", offer, sdpType, "X-Real-IP: 192.0.2.1:"+long)
		},
		"Authorization": func() *http.Response {
			return ask(site, "POST", "/rtc/v1/whep/", offer, sdpType, "Authorization: Bearer "+strings.Repeat(" ", len(long))+"x")
		},
		"JSON": func() *http.Response {
			return ask(site, "POST", "/rtc/v1/play/", rtcBody(t, "webrtc://localhost/a/b?k="+long[:2000], offer)+long)
		},
	} {
		t.Run(name, func(t *testing.T) {
			join() // what the first one of a stream makes once
			got := heapOf(func() {
				for range sessions {
					if res := join(); res.StatusCode/100 != 2 {
						t.Fatal(res.Status, text(t, res))
					}
				}
			})
			if each := got / sessions; each > 40_000 {
				t.Errorf("a session keeps %d bytes", each)
			}
			for _, sess := range s.sessions.all() {
				for _, text := range []string{sess.info.ip, sess.info.pageURL, sess.info.tcURL, sess.info.bearer} {
					if len(text) > 4096 {
						t.Fatalf("a text of %d bytes: %.20s", len(text), text)
					}
				}
				sess.close(errKicked)
			}
		})
	}
}

// A token cut short would be another token, and a URL another stream: they are refused.
func TestTooLongToKeep(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	offer := offerFile(t, "gst-play-h264")
	res := local(s, "POST", "/rtc/v1/whep/", offer, sdpType, "Authorization: Bearer "+long)
	if reason := text(t, res); res.StatusCode != 400 || !strings.Contains(reason, "token") {
		t.Errorf("%s: %s", res.Status, reason)
	}
	var failure struct{ Reason string }
	body := text(t, local(s, "POST", "/rtc/v1/play/", rtcBody(t, "webrtc://"+long+"/live/x", offer)))
	if err := json.Unmarshal([]byte(body), &failure); err != nil || !strings.Contains(failure.Reason, "longer than") {
		t.Errorf("%v: %.200s", err, body)
	}
	nothingLeft(t, s)
	only := open(t, configure(t, strings.Replace(allOnOne, "__defaultVhost__", "only.example", 1)))
	res = local(only, "POST", "/rtc/v1/whep/?vhost="+long, offer, sdpType)
	if reason := text(t, res); res.StatusCode != 404 || len(reason) > 1000 {
		t.Errorf("%s: a reason of %d bytes", res.Status, len(reason))
	}
}

// A stream's own parameters may be called as those of a session are: a place in a stream is asked for all the same.
func TestSessionIsAWordOfOthersToo(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	for _, query := range []string{"session=abc", "token=abc", "session=&token=abc"} {
		post(t, base(s)+"/rtc/v1/whep/?app=live&stream=x&"+query, offerFile(t, "chromium-play-default"))
	}
}
