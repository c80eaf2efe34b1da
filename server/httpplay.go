package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"

	"oneport/flv"
	"oneport/media"
	"oneport/stream"
	"oneport/ts"
)

// container is a way to put a stream into the body of a response.
type container struct {
	extension   string // of the URL's path
	contentType string
	kind        string // as the API names a viewer of it
	sound       bool   // it has no picture
	muxer       func(*HTTPRemux) muxer
}

// containers are all that there are. A function, for a variable could be changed.
func containers() []container {
	return []container{
		{extension: "flv", contentType: "video/x-flv", kind: "flv-play", muxer: newFLV},
		{extension: "ts", contentType: "video/MP2T", kind: "ts-play", muxer: func(*HTTPRemux) muxer { return new(ts.Writer) }},
		{extension: "aac", contentType: "audio/x-aac", kind: "aac-play", sound: true, muxer: func(*HTTPRemux) muxer { return new(ts.ADTS) }},
	}
}

// containerOf is the container whose URLs end like that, nil if there is none.
func containerOf(extension string) *container {
	for _, c := range containers() {
		if c.extension == extension {
			return &c
		}
	}
	return nil
}

// extensions lists what the URLs of containers end with.
func extensions(separator string) string {
	var list []string
	for _, c := range containers() {
		list = append(list, c.extension)
	}
	return strings.Join(list, separator)
}

func newFLV(c *HTTPRemux) muxer {
	if c.GuessAV {
		return flv.Muxer{}
	}
	return flv.Muxer{Says: [media.Kinds]bool{media.Audio: c.HasAudio, media.Video: c.HasVideo}}
}

func (c container) headers(w http.ResponseWriter) {
	w.Header().Set("Content-Type", c.contentType)
	w.Header().Set("Cache-Control", "no-cache")
}

// serveContainer plays a stream in the body of the response, in the request's goroutine. A stream that is not live is waited
// for, as SRS does.
func (s *Server) serveContainer(w http.ResponseWriter, r *http.Request, conf *VhostConf, name stream.Name, c container) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodHead:
		c.headers(w)
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		if r.Method != http.MethodOptions {
			http.Error(w, "a stream takes GET", http.StatusMethodNotAllowed)
		}
		return
	}
	var v *viewer
	err := errNoPlace
	if s.places.take() {
		defer s.places.give()
		v, err = s.watch(name, httpOrigin(r, c.kind, name.App))
	}
	if err != nil {
		s.stats.refused.Add(1)
		s.log.Debug("viewer refused", "path", fmt.Sprintf("%.200s", r.URL.Path), "ip", clientIP(r), "why", err)
		refuse(w, err)
		return
	}
	keepFresh(r.Context())
	p := newPlayer(v, c.muxer(&conf.Remux), s.newSink(w, r, c), conf)
	p.wanted = [media.Kinds]bool{media.Audio: conf.Remux.HasAudio, media.Video: conf.Remux.HasVideo && !c.sound}
	err = p.play() // the response must not be touched when the handler has returned
	if p.refused(err) {
		s.stats.refused.Add(1)
		refuse(w, err)
	}
}

// httpOrigin is what a request tells of who plays.
func httpOrigin(r *http.Request, kind, app string) origin {
	scheme := "http"
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		scheme = "ws"
	}
	if r.TLS != nil {
		scheme += "s"
	}
	from := origin{
		kind: kind, ip: clientIP(r), remote: r.RemoteAddr, pageURL: shown(r.Referer()),
		tcURL: shown(scheme + "://" + r.Host + "/" + app),
	}
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		from.local = a.String()
	}
	return from
}

// connection is the key of a request's connection in its context.
type connection struct{}

// withConnection lets a handler find the connection that a request came by.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if sniffed, ok := c.(*sniffedTLS); ok {
		state := sniffed.tls.ConnectionState()
		ctx = context.WithValue(ctx, secureConnection{}, &state)
		c = sniffed.tls
	}
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connection{}, c)
}

// keepFresh keeps the backlog of the request's connection out of the kernel, where it couldn't be skipped any more.
func keepFresh(ctx context.Context) {
	c, _ := ctx.Value(connection{}).(net.Conn)
	if tcp := tcpBelow(c); tcp != nil {
		if raw, err := tcp.SyscallConn(); err == nil {
			limitUnsent(raw, unsentFrames)
		}
	}
}
