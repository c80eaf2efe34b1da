package server

import (
	"net/http"
	"strings"
	"testing"
)

// Both ways of writing "any tag" restart ICE: RFC 9110 has it bare, the examples of WHIP and WHEP have it quoted.
func TestAnyTag(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	at := resource(t, s, post(t, base(s)+"/rtc/v1/whip/", offerFile(t, "chromium-publish-H264")))
	for i, tag := range []string{"*", `"*"`, ` "*" `} {
		ufrag := "fresh" + string(rune('a'+i))
		if res := call(t, http.MethodPatch, at, fragmentOf(ufrag, "freshfreshfreshfreshfresh"), fragmentType, "If-Match: "+tag); res.StatusCode != 200 {
			t.Errorf("%s: %s: %s", tag, res.Status, text(t, res))
		}
	}
}

// An ICE restart whose answer was lost can be asked for again: it restarts nothing, and the answer is the same.
func TestRepeatedRestart(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	offer := offerFile(t, "chromium-publish-H264")
	at := resource(t, s, post(t, base(s)+"/rtc/v1/whip/", offer))
	patch := func(ufrag, pwd, tag string) (*http.Response, string) {
		res := call(t, http.MethodPatch, at, fragmentOf(ufrag, pwd), fragmentType, "If-Match: "+tag)
		return res, text(t, res)
	}
	ufrag, pwd := credentialsOf(offer)
	if res, body := patch(ufrag, pwd, "*"); res.StatusCode != 204 || body != "" {
		t.Errorf("the offer's own credentials: %s %s", res.Status, body)
	}
	const fresh = "freshfreshfreshfreshfresh"
	first, want := patch("fresh", fresh, "*")
	if first.StatusCode != 200 {
		t.Fatal(first.Status)
	}
	for _, tag := range []string{"*", `"*"`} {
		if res, got := patch("fresh", fresh, tag); res.StatusCode != 200 || got != want || res.Header.Get("ETag") != first.Header.Get("ETag") {
			t.Errorf("again with %s: %s, ETag %s after %s:\n%s", tag, res.Status, res.Header.Get("ETag"), first.Header.Get("ETag"), got)
		}
	}
	if res, got := patch("fresh", fresh, first.Header.Get("ETag")); res.StatusCode != 204 {
		t.Errorf("trickle: %s %s", res.Status, got)
	}
	trickle := call(t, http.MethodPatch, at, "a=end-of-candidates\r\n", fragmentType, "If-Match: *")
	if trickle.StatusCode != 204 {
		t.Errorf("trickle without credentials: %s", trickle.Status)
	}
	if res, reason := patch("fresh", "other"+fresh, "*"); res.StatusCode != 400 || !strings.Contains(reason, "ice-pwd") {
		t.Errorf("the same ufrag with another password: %s %s", res.Status, reason)
	}
}

// An answer with no body has no tag (RFC 9725 section 4.3.2): the client's own is still the one.
func TestTrickleHasNoTag(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	offer := offerFile(t, "chromium-publish-H264")
	joined := post(t, base(s)+"/rtc/v1/whip/", offer)
	ufrag, pwd := credentialsOf(offer)
	res := call(t, http.MethodPatch, resource(t, s, joined), fragmentOf(ufrag, pwd), fragmentType, "If-Match: "+joined.Header.Get("ETag"))
	if _, has := res.Header["Etag"]; res.StatusCode != 204 || has {
		t.Errorf("%s, ETag %s", res.Status, res.Header.Get("ETag"))
	}
}

// A session's URL takes PATCH and DELETE and makes no session: 405 for all else. An endpoint's takes POST.
func TestMethodsOfSessions(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	play := resource(t, s, post(t, base(s)+"/rtc/v1/whep/?stream=one", offerFile(t, "chromium-play-default")))
	for _, method := range []string{"POST", "GET", "HEAD", "PUT"} {
		for _, url := range []string{play, strings.Replace(play, "/whip/", "/whep/", 1)} {
			res := call(t, method, url, offerFile(t, "chromium-publish-H264"), sdpType)
			if allow := res.Header.Get("Allow"); res.StatusCode != 405 || allow != "PATCH, DELETE, OPTIONS" {
				t.Errorf("%s of a session: %s, Allow %s", method, res.Status, allow)
			}
		}
		if method == "POST" {
			continue
		}
		res := call(t, method, base(s)+"/rtc/v1/whip/", "")
		if allow := res.Header.Get("Allow"); res.StatusCode != 405 || allow != "POST, OPTIONS" {
			t.Errorf("%s of the endpoint: %s, Allow %s", method, res.Status, allow)
		}
	}
	if n := len(s.sessions.all()); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// Below the endpoints there is nothing: who names the stream in the path is told how it is named here.
func TestBelowEndpoints(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	for _, path := range []string{"whip/live/show", "whep/show", "whip-play/live/", "whip/x?app=live&stream=show"} {
		for _, method := range []string{"POST", "GET", "DELETE", "PATCH"} {
			res := call(t, method, base(s)+"/rtc/v1/"+path, offerFile(t, "chromium-play-default"), sdpType, elsewhere)
			if reason := text(t, res); res.StatusCode != 404 || !strings.Contains(reason, "?app=live&stream=livestream") ||
				!strings.Contains(reason, "/rtc/v1/"+path[:strings.Index(path, "/")]+"/?") {
				t.Errorf("%s %s: %s: %s", method, path, res.Status, reason)
			}
			if res.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s %s: no page of another site can read that", method, path)
			}
		}
		// Else the browser would not let the page see the 404.
		if res := call(t, "OPTIONS", base(s)+"/rtc/v1/"+path, "", elsewhere); res.StatusCode != 200 {
			t.Errorf("OPTIONS %s: %s", path, res.Status)
		}
	}
	nothingLeft(t, s)
}

// A Location stands in for its session whatever credentials the client has, or the offer is refused.
func TestLocationOfOddUfrags(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	offer := offerFile(t, "chromium-play-default")
	own, _ := credentialsOf(offer)
	for ufrag, taken := range map[string]bool{
		"aB+/": true, "a-b_": true, "ab==": true, "a&b=#c": false, "ab;c": false, "a%26": false, `"abc"`: false, "ab#c": false, "ab?c": false,
	} {
		res := call(t, http.MethodPost, base(s)+"/rtc/v1/whep/", strings.ReplaceAll(offer, "a=ice-ufrag:"+own, "a=ice-ufrag:"+ufrag), sdpType)
		if ok := res.StatusCode == http.StatusCreated; ok != taken {
			t.Errorf("%s: %s", ufrag, res.Status)
		} else if !ok {
			continue
		}
		if got := call(t, http.MethodDelete, base(s)+res.Header.Get("Location"), ""); got.StatusCode != 200 {
			t.Errorf("%s: %s", ufrag, got.Status)
		}
		if left := leftovers(s); left != "" {
			t.Errorf("%s: DELETE of %s left %s", ufrag, res.Header.Get("Location"), left)
		}
	}
}
