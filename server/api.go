package server

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oneport/api"
)

// Version of oneport, as /api/v1/versions and -v tell it.
const (
	versionMajor    = 0
	versionMinor    = 1
	versionRevision = 0
)

// apiRoutes are the paths of the HTTP API.
func (s *Server) apiRoutes(mux *http.ServeMux) {
	for _, endpoint := range []string{"/rtc/v1/whip/", "/rtc/v1/whep/", "/rtc/v1/whip-play/"} {
		mux.HandleFunc(endpoint, s.serveWHIP(endpoint))
	}
	mux.HandleFunc("/rtc/v1/publish/", s.serveRTCAPI(true))
	mux.HandleFunc("/rtc/v1/play/", s.serveRTCAPI(false))
	mux.HandleFunc("/api/v1/versions", s.getOnly(s.serveVersions))
	mux.HandleFunc("/api/v1/streams/", s.getOnly(s.serveStreams))
	mux.HandleFunc("/api/v1/clients/", s.serveClients)
	mux.HandleFunc("/api/{$}", s.getOnly(s.serveURLs))
	mux.HandleFunc("/api/v1/{$}", s.getOnly(s.serveURLs))
	mux.Handle("/metrics", s.metrics())
}

func (s *Server) envelope() api.Envelope {
	return api.Envelope{Server: s.serverID, Service: s.serviceID, Pid: s.pid}
}

func (s *Server) getOnly(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			serve(w, r)
		case http.MethodOptions:
			w.WriteHeader(http.StatusOK)
		default:
			w.Header().Set("Allow", "GET, HEAD, OPTIONS")
			http.Error(w, "this API takes GET", http.StatusMethodNotAllowed)
		}
	}
}

func (s *Server) serveVersions(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, r, api.VersionReply{Envelope: s.envelope(), Data: api.Version{
		Major: versionMajor, Minor: versionMinor, Revision: versionRevision, Version: Version(),
	}})
}

// Version is the version as people read it.
func Version() string {
	return strconv.Itoa(versionMajor) + "." + strconv.Itoa(versionMinor) + "." + strconv.Itoa(versionRevision)
}

func (s *Server) serveURLs(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, r, api.URLsReply{Envelope: s.envelope(), URLs: map[string]string{
		"versions": "the version of the server",
		"streams":  "the streams, or one by its id",
		"clients":  "the clients, or one by its id; DELETE kicks it",
	}})
}

func (s *Server) serveStreams(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, "/api/v1/streams/")
	list := s.describeStreams()
	if id == "" {
		writeJSON(w, r, api.StreamsReply{Envelope: s.envelope(), Streams: page(list, r)})
		return
	}
	i := slices.IndexFunc(list, func(st api.Stream) bool { return st.ID == id })
	if i < 0 {
		writeJSON(w, r, api.Failure{Code: api.StreamNotFound})
		return
	}
	writeJSON(w, r, api.StreamReply{Envelope: s.envelope(), Stream: list[i]})
}

func (s *Server) serveClients(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, "/api/v1/clients/")
	method := r.Method
	if m := r.URL.Query().Get("method"); m != "" && r.URL.Query().Has("callback") { // JSONP can only GET
		method = m
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	switch {
	case method == http.MethodOptions:
		w.WriteHeader(http.StatusOK)
	case method == http.MethodGet && id == "":
		var list []api.Client
		for _, c := range s.clients() {
			list = append(list, c.describe())
		}
		writeJSON(w, r, api.ClientsReply{Envelope: s.envelope(), Clients: page(list, r)})
	case method == http.MethodGet || method == http.MethodDelete && id != "":
		s.serveClient(w, r, id, method == http.MethodDelete)
	default:
		allow := "GET, HEAD, OPTIONS"
		if id != "" {
			allow = "GET, HEAD, DELETE, OPTIONS"
		}
		w.Header().Set("Allow", allow)
		http.Error(w, "this API takes GET, and DELETE on one client", http.StatusMethodNotAllowed)
	}
}

// serveClient shows or kicks one client.
func (s *Server) serveClient(w http.ResponseWriter, r *http.Request, id string, kick bool) {
	c := s.clientByID(id)
	switch {
	case c == nil:
		writeJSON(w, r, api.Failure{Code: api.ClientNotFound})
	case kick:
		c.dismiss(errKicked)
		writeJSON(w, r, s.envelope())
	default:
		writeJSON(w, r, api.ClientReply{Envelope: s.envelope(), Client: c.describe()})
	}
}

// page cuts a list by ?start and ?count, of which SRS makes at least 10. It is never null in JSON.
func page[T any](list []T, r *http.Request) []T {
	query := r.URL.Query()
	start, _ := strconv.Atoi(query.Get("start"))
	count, err := strconv.Atoi(query.Get("count"))
	if err != nil {
		count = len(list)
	}
	start = min(max(start, 0), len(list))
	count = min(max(count, 10), len(list)-start)
	return append([]T{}, list[start:start+count]...)
}

var callbackName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// writeJSON answers with v, as JSONP where a callback is asked for.
func writeJSON(w http.ResponseWriter, r *http.Request, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	callback := r.URL.Query().Get("callback")
	switch {
	case callback == "":
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	case callbackName.MatchString(callback):
		w.Header().Set("Content-Type", "text/javascript")
		w.Write([]byte(callback + "(" + string(body) + ")"))
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"code":4058}`))
	}
}
