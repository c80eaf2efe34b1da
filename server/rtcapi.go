package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"oneport/api"
	"oneport/config"
	"oneport/sdp"
	"oneport/stream"
)

// serveRTCAPI is SRS's JSON API, /rtc/v1/publish/ and /rtc/v1/play/. Failures are HTTP 200 with a code, as SRS's pages
// expect; the reason beside the code is ours.
func (s *Server) serveRTCAPI(publish bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodOptions:
			w.WriteHeader(http.StatusOK)
			return
		case http.MethodPost:
		default:
			w.Header().Set("Allow", "POST, OPTIONS")
			http.Error(w, "this API takes POST with a JSON body", http.StatusMethodNotAllowed)
			return
		}
		sess, answer, err := s.rtcAPIJoin(w, r, publish)
		if err != nil {
			s.log.Debug("rtc api: refused", "publish", publish, "err", err)
			tellWhenFree(w, err)
			writeJSON(w, r, api.Failure{Code: api.BadRequest, Reason: err.Error()})
			return
		}
		writeJSON(w, r, api.RTCReply{Envelope: s.envelope(), SDP: string(answer), SessionID: sess.info.key})
	}
}

// readRTCRequest reads the body of a request.
func (s *Server) readRTCRequest(w http.ResponseWriter, r *http.Request) (body api.RTCRequest, err error) {
	defer s.callers.reads(r)()
	// JSON escapes make the text at most a few times longer than the SDP in it.
	if err = json.NewDecoder(http.MaxBytesReader(w, r.Body, 2*sdp.MaxOffer)).Decode(&body); err != nil {
		err = statusError{http.StatusBadRequest, "the body is not the JSON of this API: " + err.Error()}
	}
	return body, err
}

func (s *Server) rtcAPIJoin(w http.ResponseWriter, r *http.Request, publish bool) (*session, []byte, error) {
	body, err := s.readRTCRequest(w, r)
	if err != nil {
		return nil, nil, err
	}
	name, host, err := parseStreamURL(body.StreamURL)
	if err != nil {
		return nil, nil, err
	}
	req := s.joinRequest(r, looseQuery(r.URL.RawQuery))
	req.publish = publish
	req.name = name
	req.apiHost = host
	req.local = req.local || isLocalhost(host)
	req.offer = []byte(body.SDP)
	req.tcURL = "webrtc://" + host + "/" + name.App
	return s.join(req)
}

// parseStreamURL reads webrtc://host[:port]/app/stream?vhost=…, where a percent sign that encodes nothing is one.
func parseStreamURL(text string) (name stream.Name, host string, err error) {
	if len(text) > maxStreamURL {
		return name, "", statusError{http.StatusBadRequest, fmt.Sprintf("streamurl is longer than %d bytes", maxStreamURL)}
	}
	scheme, rest, _ := strings.Cut(text, "://")
	rest, _, _ = strings.Cut(rest, "#")
	rest, rawQuery, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	u, err := url.Parse(scheme + "://" + authority)
	if err != nil || u.Host == "" {
		return name, "", statusError{http.StatusBadRequest, "streamurl is not webrtc://host/app/stream"}
	}
	app, streamName, ok := cutLast(strings.Trim(looselyUnescaped(path), "/"), "/")
	if !ok || app == "" || streamName == "" {
		return name, "", statusError{http.StatusBadRequest, "streamurl has no app and stream: webrtc://host/app/stream"}
	}
	query := looseQuery(rawQuery)
	host = hostOf(u.Host)
	name = stream.Name{
		Vhost: firstOf(query.Get("vhost"), query.Get("domain"), host, config.DefaultVhost), App: app, Stream: streamName,
	}
	return name, host, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// looseQuery reads a query as SRS's clients write it: & and ; separate, and + is a plus, since session ids hold some.
// What is percent-encoded is decoded all the same.
func looseQuery(raw string) url.Values {
	values := url.Values{}
	for _, item := range strings.FieldsFunc(raw, func(r rune) bool { return r == '&' || r == ';' }) {
		key, value, _ := strings.Cut(item, "=")
		values.Add(looselyUnescaped(key), looselyUnescaped(value))
	}
	return values
}

// looselyUnescaped decodes what is percent-encoded; where that fails the text is meant as it stands.
func looselyUnescaped(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// checkName refuses names that no URL could hold or that would mean a place in a file system.
func checkName(n stream.Name) error {
	for _, part := range []string{n.App, n.Stream} {
		switch {
		case part == "" || len(part) > maxName:
			return statusError{http.StatusBadRequest, "app and stream have to be 1 to 256 bytes long"}
		case strings.Contains(part, "..") || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r == 127 || r == '\\' }):
			return errBadName
		}
	}
	return nil
}

var errBadName error = statusError{http.StatusBadRequest, "app and stream must not hold \"..\", backslashes or control characters"}
