package server

import (
	"errors"
	"net/http"

	"oneport/rtmp"
	"oneport/sdp"
	"oneport/srt"
	"oneport/stream"
)

// statusError is why a client is refused, and what kind of reason that is, by HTTP's numbers: each protocol is told so in its own
// words.
type statusError struct {
	status int
	text   string
}

func (e statusError) Error() string { return e.text }

// expiredError is why a viewer that waited for a publisher is let go.
type expiredError string

func (e expiredError) Error() string { return string(e) }

// statusOf says what kind of reason an error is. It is the one place that does.
func statusOf(err error) int {
	var known statusError
	var expired expiredError
	switch {
	case errors.As(err, &known):
		return known.status
	case errors.As(err, &expired), errors.Is(err, errUnpublished):
		return http.StatusNotFound
	case errors.Is(err, errKicked):
		return http.StatusForbidden
	case errors.Is(err, sdp.ErrMalformed):
		return http.StatusBadRequest
	case errors.Is(err, sdp.ErrNotAcceptable):
		return http.StatusNotAcceptable
	case errors.Is(err, stream.ErrBusy):
		return http.StatusConflict
	case errors.Is(err, errNoVhost):
		return http.StatusNotFound
	case errors.Is(err, errRTCDisabled), errors.Is(err, errRTCOff):
		return http.StatusForbidden
	case errors.Is(err, errTooManyAddress):
		return http.StatusTooManyRequests
	case errors.Is(err, errTooMany), errors.Is(err, errStopping), errors.Is(err, errShutdown), errors.Is(err, errNoTransport), errors.Is(err, stream.ErrFull):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// refuse answers by HTTP, with the reason in plain text, and with Retry-After where the same request may succeed later: pages wait
// then.
func refuse(w http.ResponseWriter, err error) {
	status := statusOf(err)
	switch {
	case errors.Is(err, errNotLive):
		w.Header().Set("Retry-After", "2")
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "5")
	}
	http.Error(w, err.Error(), status)
}

// rtmpRefusal is the reason in RTMP's words, which has few.
func rtmpRefusal(publish bool, err error) string {
	if publish {
		return rtmp.PublishBadName
	}
	switch statusOf(err) {
	case http.StatusNotFound, http.StatusBadRequest:
		return rtmp.PlayNotFound
	}
	return rtmp.PlayFailed
}

// srtRefusal is the reason in SRT's words.
func srtRefusal(err error) srt.Reason {
	if errors.Is(err, errStopping) || errors.Is(err, errShutdown) {
		return srt.Closing
	}
	switch statusOf(err) {
	case http.StatusConflict:
		return srt.Conflict
	case http.StatusNotFound:
		return srt.NotFound
	case http.StatusForbidden:
		return srt.Forbidden
	case http.StatusNotAcceptable:
		return srt.Unacceptable
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return srt.Overload
	case http.StatusBadRequest:
		return srt.BadRequest
	}
	return srt.Internal
}
