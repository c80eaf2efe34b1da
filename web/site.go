package web

import (
	"encoding/json"
	"slices"
)

// Site is what the pages say of the server they come from.
type Site struct {
	APIPort  string    // where the API is, if not where the pages are
	Services []Service // the ways to publish and to watch that are switched on
}

// Service is a way to publish or to watch a stream. What people are told of it, and how its addresses read, is known to
// ways.js by its name:
//
//	webrtc                    WHIP and WHEP
//	flv, ts, aac, hls, dash   by HTTP, at a path of the pages' port
//	rtmp, rtmps, srt          at a port of their own, or at that of the pages
type Service struct {
	Name string `json:"name"`
	Port string `json:"port,omitempty"` // if it is not the one that the page came by
	Path string `json:"path,omitempty"` // by HTTP: with [vhost], [app] and [stream] in it
	Live bool   `json:"live,omitempty"` // hls: it is Low-Latency HLS
	// Vhost is the virtual host to ask for by a protocol that tells a server no host, if it is not the default one.
	Vhost string `json:"vhost,omitempty"`
}

// Has says whether there is a service of that name.
func (s Site) Has(name string) bool {
	return slices.ContainsFunc(s.Services, func(service Service) bool { return service.Name == name })
}

// Player is the page that shows a stream in the quickest way there is, and empty where no page can.
func (s Site) Player() string {
	switch {
	case s.Has("webrtc"):
		return "whep.html"
	case s.Has("flv"), s.Has("ts"), s.Has("hls"):
		return "srs_player.html"
	}
	return ""
}

// ServicesJSON is the list as the pages read it.
func (s Site) ServicesJSON() (string, error) {
	if s.Services == nil {
		return "[]", nil
	}
	b, err := json.Marshal(s.Services)
	return string(b), err
}
