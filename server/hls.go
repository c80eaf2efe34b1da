package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"oneport/config"
	"oneport/hls"
	"oneport/stream"
)

const (
	// firstSegment is how long a request waits for the first segment.
	firstSegment = 20 * time.Second
	// immutableFor is how long caches may keep what never changes.
	immutableFor = "public, max-age=3600"
)

var (
	errNotLive     = statusError{http.StatusNotFound, "nobody publishes this stream now: try again later"}
	errNoFile      = statusError{http.StatusNotFound, "there is no such segment, or not any more"}
	errNoSegment   = statusError{http.StatusServiceUnavailable, "the stream has no segment yet: try again"}
	errNoReload    = statusError{http.StatusServiceUnavailable, "what was waited for has not come: the publisher may have stopped"}
	errManyWait    = statusError{http.StatusServiceUnavailable, "as many requests wait as max_connections allows: try again"}
	errHLSName     = statusError{http.StatusBadRequest, "a stream of this name can't be played by HLS or DASH: it must not begin with a dot, nor hold : / or \\"}
	errHLSMethod   = statusError{http.StatusMethodNotAllowed, "a segment or a playlist takes GET"}
	errHLSKickedID = statusError{http.StatusNotFound, "this viewer was ended"}
)

// segmented are the virtual hosts that play by HLS or DASH.
func (s *Server) segmented() claim {
	type both struct{ hls, dash *hls.Patterns }
	all := make(map[string]both)
	for v := range s.config.Vhosts.All() {
		var b both
		if c := &v.Settings.HLS; c.Enabled {
			t := c.Templates()
			b.hls = t.Patterns()
		}
		if c := &v.Settings.DASH; c.Enabled {
			t := hls.Templates{MPD: c.MPDFile}
			b.dash = t.Patterns()
		}
		all[v.Name] = b
	}
	return func(w http.ResponseWriter, r *http.Request, host string, v *config.Vhost[VhostConf]) bool {
		b := all[v.Name]
		q := &segmentRequest{server: s, w: w, r: r, conf: &v.Settings}
		for i, patterns := range []*hls.Patterns{b.hls, b.dash} {
			dash := i == 1
			if patterns == nil {
				continue
			}
			what, app, name := patterns.Match(r.URL.Path)
			if what == hls.Nothing {
				continue
			}
			q.what, q.key = what, segmenterKey{stream.Name{Vhost: v.Name, App: app, Stream: name}, dash && !v.Settings.sharesSegments()}
			if q.yields() {
				continue
			}
			q.serve()
			return true
		}
		return false
	}
}

// segmentRequest is one request for something of HLS or DASH.
type segmentRequest struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	conf   *VhostConf
	what   hls.Asked
	key    segmenterKey
	viewer *hlsViewer // nil: not told apart
}

// file is the name of what is asked for.
func (q *segmentRequest) file() string { return strings.TrimPrefix(q.r.URL.Path, "/") }

// yields says whether the path, which looks like a segment's, is rather that of a stream with such a name.
func (q *segmentRequest) yields() bool {
	if q.what != hls.Other {
		return false
	}
	if g := q.server.segmenters.find(q.key); g != nil && g.has(q.file()) {
		return false
	}
	base := q.r.URL.Path[strings.LastIndexByte(q.r.URL.Path, '/')+1:]
	name, _, _ := cutLast(base, ".")
	return q.server.hubs[q.key.name.Vhost].Live(stream.Name{Vhost: q.key.name.Vhost, App: q.key.name.App, Stream: name})
}

func (q *segmentRequest) serve() {
	if err := q.answer(); err != nil {
		q.w.Header().Set("Cache-Control", "no-cache")
		if status := statusOf(err); status != http.StatusNotFound {
			q.server.stats.refused.Add(1)
			q.server.log.Debug("viewer refused", "path", fmt.Sprintf("%.200s", q.r.URL.Path), "ip", clientIP(q.r), "why", err)
		}
		refuse(q.w, err)
	}
}

func (q *segmentRequest) answer() error {
	switch q.r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		q.w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		return nil
	default:
		q.w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		return errHLSMethod
	}
	if err := checkName(q.key.name); err != nil {
		return err
	}
	if n := q.key.name; !hls.ValidName(n.App) || !hls.ValidName(n.Stream) {
		return errHLSName
	}
	g := q.server.segmenters.find(q.key)
	if g == nil {
		if !q.server.hubs[q.key.name.Vhost].Live(q.key.name) {
			return q.fromDisk(errNotLive)
		}
		if q.what == hls.Other {
			return q.fromDisk(errNoFile)
		}
		var err error
		if g, err = q.server.segment(q.key, q.conf); err != nil {
			return err
		}
	}
	if q.what == hls.Other {
		return q.segment(g)
	}
	if q.what == hls.MPD {
		return q.mpd(g)
	}
	return q.playlist(g)
}

// mpd serves the manifest of DASH.
func (q *segmentRequest) mpd(g *segmenter) error {
	var text string
	err := g.await(q.r.Context(), firstSegment, errNoSegment, func(m *hls.Muxer) bool {
		if !m.Ready() {
			return false
		}
		text = string(m.MPD(time.Now(), q.query("")))
		return true
	})
	if err != nil {
		return err
	}
	return q.text(hls.TypeMPD, "no-cache", text)
}

// playlist serves the playlist, or first one that names it with the viewer's id.
func (q *segmentRequest) playlist(g *segmenter) error {
	if err := g.await(q.r.Context(), firstSegment, errNoSegment, (*hls.Muxer).Ready); err != nil {
		return err
	}
	blocked := false
	id := ""
	if q.conf.HLS.Ctx {
		first, err := q.enter(q.r.URL.Query().Get("hls_ctx"))
		if err != nil {
			return err
		}
		if first {
			return q.master(g)
		}
		if q.viewer != nil && q.conf.HLS.TSCtx { // there may be no room to tell viewers apart
			id = q.viewer.id
		}
	}
	if q.conf.HLS.LowLatency {
		var err error
		if blocked, err = q.reload(g); err != nil {
			return err
		}
	}
	var text string
	var target time.Duration
	g.with(func(m *hls.Muxer) { text, target = m.Playlist(q.query(id)), m.Target() })
	cache := "no-cache"
	if !q.conf.HLS.Ctx && (blocked || !q.conf.HLS.LowLatency) {
		cache = fmt.Sprintf("public, max-age=%d", max(1, target/(2*time.Second)))
	}
	return q.text(hls.TypePlaylist, cache, text)
}

// master serves a playlist that names the other one with the viewer's id.
func (q *segmentRequest) master(g *segmenter) error {
	var text string
	g.with(func(m *hls.Muxer) { text = m.Master(q.masterQuery()) })
	return q.text(hls.TypePlaylist, "no-store", text)
}

// query is what requests for the segments of a list must have: the viewer's id if there is one, and the virtual host if the request
// for the list names one. It comes behind every name, so it is the host's name as the settings have it.
func (q *segmentRequest) query(id string) (text string) {
	own, host := q.r.URL.Query(), ""
	if firstOf(own.Get("vhost"), own.Get("domain")) != "" {
		host = q.key.name.Vhost
	}
	for _, value := range [][2]string{{"hls_ctx", id}, {"vhost", host}} {
		if value[1] != "" {
			text += "&" + value[0] + "=" + url.QueryEscape(value[1])
		}
	}
	if text == "" {
		return ""
	}
	return "?" + text[1:]
}

// masterQuery is the query by which the master playlist names the other: the viewer's id and what the request had.
func (q *segmentRequest) masterQuery() string {
	text := "?hls_ctx=" + q.viewer.id
	values := q.r.URL.Query()
	for _, own := range []string{"hls_ctx", "_HLS_msn", "_HLS_part", "_HLS_skip"} {
		values.Del(own)
	}
	if more := values.Encode(); more != "" {
		text += "&" + more
	}
	return text
}

// reload waits for what the player knows to come next, and says whether it knew anything (draft-pantos-hls-rfc8216bis section
// 6.2.5.2).
func (q *segmentRequest) reload(g *segmenter) (blocked bool, err error) {
	query := q.r.URL.Query()
	want, err := hls.ParseReload(query.Get("_HLS_msn"), query.Get("_HLS_part"))
	var patience time.Duration
	if err == nil && want != nil {
		g.with(func(m *hls.Muxer) {
			_, err = m.Has(want)
			patience = 3 * m.Target()
		})
	}
	if err != nil {
		return false, statusError{http.StatusBadRequest, err.Error()}
	}
	if want == nil {
		return false, nil
	}
	return true, g.await(q.r.Context(), patience, errNoReload, func(m *hls.Muxer) bool {
		has, _ := m.Has(want)
		return has
	})
}

func (q *segmentRequest) text(typ, cache, text string) error {
	h := q.w.Header()
	h.Set("Content-Type", typ)
	h.Set("Cache-Control", cache)
	q.count(len(text))
	q.send(time.Time{}, strings.NewReader(text))
	return nil
}

// segment serves a segment, a part, an initialization segment or a key.
func (q *segmentRequest) segment(g *segmenter) error {
	if q.conf.HLS.Ctx {
		if err := q.recognize(q.r.URL.Query().Get("hls_ctx")); err != nil {
			return err
		}
	}
	f, ok, err := g.file(q.r.Context(), q.file())
	if err != nil {
		return err
	}
	if !ok || f.OnDisk {
		return q.fromDisk(errNoFile)
	}
	q.content(f.Type, f.Modified, hls.NewReader(f.Pieces))
	return nil
}

// fromDisk serves a file that was written before; the error says what it means that there is none.
func (q *segmentRequest) fromDisk(missing error) error {
	path, typ := q.conf.HLS.Path, typeOfFile(q.file())
	switch {
	case q.key.dash:
		path = q.conf.DASH.Path
	case path != "" && typ == hls.TypeKey && q.conf.HLS.Keys && q.conf.HLS.KeyFilePath != "":
		path = q.conf.HLS.KeyFilePath
	}
	if path == "" {
		return missing
	}
	f, err := openBelow(path, q.file())
	if err != nil {
		return missing
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return missing
	}
	if q.what != hls.Other {
		q.w.Header().Set("Content-Type", typ)
		q.w.Header().Set("Cache-Control", "no-cache")
		q.send(info.ModTime(), f)
		return nil
	}
	q.content(typ, info.ModTime(), f)
	return nil
}

func typeOfFile(name string) string {
	_, ext, _ := cutLast(name, ".")
	switch ext {
	case "ts":
		return hls.TypeTS
	case "m3u8":
		return hls.TypePlaylist
	case "mpd":
		return hls.TypeMPD
	case "key":
		return hls.TypeKey
	}
	return hls.TypeMP4
}

// content serves what never changes.
func (q *segmentRequest) content(typ string, modified time.Time, body io.ReadSeeker) {
	h := q.w.Header()
	h.Set("Content-Type", typ)
	if typ == hls.TypeKey {
		h.Set("Cache-Control", "no-cache")
	} else {
		h.Set("Cache-Control", immutableFor)
	}
	size, err := body.Seek(0, io.SeekEnd)
	if _, back := body.Seek(0, io.SeekStart); errors.Join(err, back) != nil {
		return
	}
	h.Set("ETag", fmt.Sprintf(`"%x-%x"`, modified.UnixMilli(), size))
	q.count(int(size))
	q.send(modified, body)
}

// send writes the response to a client that may take its time, but not all of it.
func (q *segmentRequest) send(modified time.Time, body io.ReadSeeker) {
	control := http.NewResponseController(q.w)
	http.ServeContent(q.w, q.r, "", modified, &patientReader{body, control})
	control.SetWriteDeadline(time.Now().Add(writePatience)) // package http flushes the last of it later
}

// patientReader gives the client writePatience for each piece that is read for it.
type patientReader struct {
	io.ReadSeeker
	control *http.ResponseController
}

// Read is part of io.Reader.
func (p *patientReader) Read(b []byte) (int, error) {
	p.control.SetWriteDeadline(time.Now().Add(writePatience))
	return p.ReadSeeker.Read(b)
}
