package server

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"crypto/rand"
	"crypto/subtle"

	"oneport/config"
	"oneport/ice"
	"oneport/sdp"
)

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"

	maxFragment = 64 << 10
	maxName     = 256 // bytes of an app or stream name

	// What a session keeps of its request, in bytes.
	maxBearer    = 4 << 10
	maxStreamURL = 4 << 10
	maxShown     = 1 << 10 // of what is only shown
)

var errLongBearer = statusError{http.StatusBadRequest, fmt.Sprintf("the bearer token is longer than %d bytes", maxBearer)}

// serveWHIP is the endpoint of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep), where POST joins, and the resource that
// it returns, told apart by the session in the query: there PATCH trickles or restarts ICE, and DELETE leaves.
func (s *Server) serveWHIP(endpoint string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions {
			w.Header().Set("Accept-Post", typeSDP)
			w.Header().Set("Accept-Patch", typeFragment)
			w.WriteHeader(http.StatusOK)
			return
		}
		query := looseQuery(r.URL.RawQuery)
		isSession := query.Get("session") != "" && query.Get("token") != "" // as location has them
		switch {
		case r.URL.Path != endpoint:
			refuse(w, statusError{http.StatusNotFound, "the path ends here, and the query names the stream: " + endpoint + "?app=live&stream=livestream"})
		case r.Method == http.MethodPost && !isSession:
			s.whipPost(w, r, query)
		case r.Method == http.MethodPatch:
			s.whipPatch(w, r, query)
		case r.Method == http.MethodDelete:
			s.whipDelete(w, query)
		case isSession:
			w.Header().Set("Allow", "PATCH, DELETE, OPTIONS")
			refuse(w, statusError{http.StatusMethodNotAllowed, "a session takes PATCH and DELETE; to join, POST to the endpoint"})
		default:
			w.Header().Set("Allow", "POST, OPTIONS")
			refuse(w, statusError{http.StatusMethodNotAllowed, "WHIP and WHEP take POST here, and PATCH and DELETE on the session that POST returns"})
		}
	}
}

func (s *Server) whipPost(w http.ResponseWriter, r *http.Request, query url.Values) {
	offer, err := s.readBody(w, r, typeSDP, sdp.MaxOffer)
	if err != nil {
		refuse(w, err)
		return
	}
	req := s.joinRequest(r, query)
	req.publish = strings.HasPrefix(r.URL.Path, "/rtc/v1/whip/") && query.Get("action") != "play"
	req.name = nameOf(r, query)
	req.apiHost = s.apiHost(r, query)
	req.offer = offer
	sess, answer, err := s.join(req)
	if err != nil {
		tellWhenFree(w, err)
		refuse(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", typeSDP)
	h.Set("Location", sess.location())
	h.Set("ETag", quoted(sess.etag))
	h.Set("Accept-Patch", typeFragment)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	w.Write(answer)
}

// apiHost is the host by which a client called the API: that of the URL, but where it asks for a virtual host of a name of its
// own, that one. Any other name a client brings along is not looked up.
func (s *Server) apiHost(r *http.Request, query url.Values) string {
	asked := firstOf(query.Get("vhost"), query.Get("domain"))
	_, err := netip.ParseAddr(asked)
	if v := s.config.Vhosts.Find(asked); err == nil || v != nil && v.Name == asked && asked != config.DefaultVhost {
		return asked
	}
	return hostOf(r.Host)
}

// location is the session's resource, in SRS's form: package sdp lets no ufrag pass that must be escaped in a query.
func (s *session) location() string {
	i := &s.info
	return fmt.Sprintf("/rtc/v1/whip/?action=delete&token=%s&app=%s&stream=%s&session=%s",
		i.token, escaped(i.name.App), escaped(i.name.Stream), i.key)
}

// escaped is a value as looseQuery reads it, to which + is a plus.
func escaped(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }

func (s *Server) whipDelete(w http.ResponseWriter, query url.Values) {
	sess, err := s.resource(query)
	switch {
	case errors.Is(err, errNoSession): // gone already is what was asked for, as SRS has it
	case err != nil:
		refuse(w, err)
		return
	default:
		sess.close(errDeleted)
	}
	w.WriteHeader(http.StatusOK)
}

// resource finds the session that a Location names. The token in it is the right to change it.
func (s *Server) resource(query url.Values) (*session, error) {
	key, token := query.Get("session"), query.Get("token")
	if key == "" {
		return nil, statusError{http.StatusBadRequest, "no session in the URL: use the Location that POST returned"}
	}
	sess := s.sessions.byKey(key)
	if sess == nil {
		return nil, errNoSession
	}
	if subtle.ConstantTimeCompare([]byte(token), []byte(sess.info.token)) != 1 {
		return nil, statusError{http.StatusForbidden, "the token is not that of the session: use the Location that POST returned"}
	}
	return sess, nil
}

var errNoSession = statusError{http.StatusNotFound, "no such session: it has ended or never was"}

// whipPatch takes trickled candidates, which an ICE-lite server has no use for, and ICE restarts (RFC 9725 section 4.3).
func (s *Server) whipPatch(w http.ResponseWriter, r *http.Request, query url.Values) {
	sess, err := s.resource(query)
	if err != nil {
		refuse(w, err)
		return
	}
	body, err := s.readBody(w, r, typeFragment, maxFragment)
	if err != nil {
		refuse(w, err)
		return
	}
	fragment, err := sdp.ParseFragment(body)
	if err != nil {
		refuse(w, err)
		return
	}
	reply, etag, err := sess.patch(fragment, r.Header.Get("If-Match"))
	if err != nil {
		refuse(w, err)
		return
	}
	if reply == nil { // no tag here either: the client's own is still the one
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("ETag", quoted(etag))
	w.Header().Set("Content-Type", typeFragment)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	w.Write(reply)
}

// patch applies a fragment: the present ufrag means trickle, another one means restart. The same restart once more means that
// the client has not heard the answer.
func (s *session) patch(f sdp.Fragment, match string) (reply []byte, etag string, err error) {
	s.in.Lock()
	defer s.in.Unlock()
	if s.over {
		return nil, "", errNoSession
	}
	anyTag := match == "*" || match == `"*"` // the examples of WHIP and WHEP have it quoted
	remote := s.peer.Remote()
	switch {
	case match == "":
		return nil, "", statusError{http.StatusPreconditionRequired, `PATCH needs If-Match: the session's ETag to trickle, "*" to restart ICE`}
	case !anyTag && !etagIn(match, s.etag):
		return nil, "", statusError{http.StatusPreconditionFailed, "If-Match is not the session's ETag: ICE has been restarted since"}
	case f.Ufrag == "":
		return nil, "", nil
	case f.Ufrag != remote.Ufrag:
		s.restart(ice.Credentials(f.Credentials))
	case f.Pwd != remote.Pwd:
		return nil, "", statusError{http.StatusBadRequest, "ice-ufrag is the present one, but ice-pwd is not: an ICE restart needs new ones of both"}
	case !anyTag || !s.restarted():
		return nil, "", nil
	}
	return sdp.WriteFragment(s.info.session, sdp.Credentials(s.local), s.info.candidates), s.etag, nil
}

// restart begins a new generation of ICE.
func (s *session) restart(remote ice.Credentials) {
	s.local = ice.NewCredentials(rand.Reader)
	s.peer.Restart(time.Now(), s.local, remote)
	s.server.sessions.rename(s, s.peer.Ufrags())
	s.etag = randomText(12)
	s.saying().Info("session restarts ICE")
}

// restarted says whether ICE is not that of the answer any more, of which the session's key is made.
func (s *session) restarted() bool { return !strings.HasPrefix(s.info.key, s.local.Ufrag+":") }

// etagIn says whether an If-Match header names the tag.
func etagIn(header, etag string) bool {
	for _, item := range strings.Split(header, ",") {
		if strings.TrimSpace(item) == quoted(etag) || strings.TrimSpace(item) == etag {
			return true
		}
	}
	return false
}

func quoted(etag string) string { return `"` + etag + `"` }

// joinRequest fills in what comes from the request alone.
func (s *Server) joinRequest(r *http.Request, query url.Values) *joinRequest {
	return &joinRequest{
		ctx:     r.Context(),
		query:   query,
		local:   isLocalhost(hostOf(r.Host)),
		ip:      clientIP(r),
		from:    addressOf(r.RemoteAddr),
		bearer:  bearerOf(r.Header.Get("Authorization")),
		pageURL: shown(r.Referer()),
	}
}

// bearerOf is the token of an Authorization header, empty where it is of another scheme (RFC 6750, RFC 9110 section 11.1).
func bearerOf(authorization string) string {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.Clone(strings.TrimSpace(token))
}

// shown is as much of a client's text as is kept to be shown. It is a copy: the request it stood in need not be kept for it.
func shown(text string) string { return strings.Clone(text[:min(len(text), maxShown)]) }

// readBody reads a body of one content type, at most limit bytes.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, want string, limit int64) ([]byte, error) {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || got != want {
		return nil, statusError{http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type is %q: it has to be %s", r.Header.Get("Content-Type"), want)}
	}
	defer s.callers.reads(r)()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, statusError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit)}
	case err != nil:
		return nil, statusError{http.StatusBadRequest, "the body could not be read: " + err.Error()}
	}
	return body, nil
}
