package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oneport/rtmp"
	"oneport/sdp"
	"oneport/srt"
	"oneport/stream"
)

// A reason means the same by each protocol.
func TestRefusalIsOfOneKindEverywhere(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		play   string
		reason srt.Reason
	}{
		{errBadName, 400, rtmp.PlayNotFound, srt.BadRequest},
		{sdp.ErrMalformed, 400, rtmp.PlayNotFound, srt.BadRequest},
		{errUnpublished, 404, rtmp.PlayNotFound, srt.NotFound},
		{errKicked, 403, rtmp.PlayFailed, srt.Forbidden},
		{errRTCDisabled, 403, rtmp.PlayFailed, srt.Forbidden},
		{errNoVhost, 404, rtmp.PlayNotFound, srt.NotFound},
		{errNotLive, 404, rtmp.PlayNotFound, srt.NotFound},
		{expiredError("nobody has published for 3m0s"), 404, rtmp.PlayNotFound, srt.NotFound},
		{sdp.ErrNotAcceptable, 406, rtmp.PlayFailed, srt.Unacceptable},
		{errNotBridged, 406, rtmp.PlayFailed, srt.Unacceptable},
		{stream.ErrBusy, 409, rtmp.PlayFailed, srt.Conflict},
		{errTooManyWaiting, 429, rtmp.PlayFailed, srt.Overload},
		{errTooManyAddress, 429, rtmp.PlayFailed, srt.Overload},
		{errNoPlace, 503, rtmp.PlayFailed, srt.Overload},
		{stream.ErrFull, 503, rtmp.PlayFailed, srt.Overload},
		{errShutdown, 503, rtmp.PlayFailed, srt.Closing},
		{errStopping, 503, rtmp.PlayFailed, srt.Closing},
		{errPanic, 500, rtmp.PlayFailed, srt.Internal},
		{errors.New("anything else"), 500, rtmp.PlayFailed, srt.Internal},
	} {
		err := fmt.Errorf("a trail: %w", test.err)
		w := httptest.NewRecorder()
		refuse(w, err)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.err.Error()) {
			t.Errorf("%v: by HTTP %d %s", test.err, w.Code, w.Body)
		}
		again := w.Header().Get("Retry-After") != ""
		if want := test.status == http.StatusServiceUnavailable || test.status == http.StatusTooManyRequests || test.err == errNotLive; again != want {
			t.Errorf("%v: it may be asked for again: %v", test.err, again)
		}
		if got := rtmpRefusal(false, err); got != test.play {
			t.Errorf("%v: a player by RTMP is told %s", test.err, got)
		}
		if got := rtmpRefusal(true, err); got != rtmp.PublishBadName {
			t.Errorf("%v: a publisher by RTMP is told %s", test.err, got)
		}
		if got := srtRefusal(err); got != test.reason {
			t.Errorf("%v: by SRT %d", test.err, got)
		}
	}
}
