package config

import (
	"errors"
	"fmt"
	"time"
)

// root stands for the struct that the server composes of its packages' settings.
type root struct {
	MaxConnections int             `conf:"max_connections" default:"1000" doc:"How many connections may be open."`
	HTTPAPI        httpAPI         `conf:"http_api" doc:"The HTTP API."`
	HTTPServer     httpServer      `conf:"http_server" doc:"Pages and streams over HTTP."`
	RTCServer      rtcServer       `conf:"rtc_server" doc:"WebRTC."`
	Vhosts         Vhosts[vhosted] `conf:"vhost" doc:"A virtual host; this one is for every name."`
}

type httpAPI struct {
	Enabled     bool   `conf:"enabled" doc:"Whether the API is served."`
	Listen      string `conf:"listen" default:"1985" doc:"Port, or address and port."`
	CrossDomain bool   `conf:"crossdomain" default:"on" doc:"Whether pages of other origins may call."`
}

type httpServer struct {
	Enabled bool   `conf:"enabled" doc:"Whether pages are served."`
	Listen  string `conf:"listen" default:"8080" doc:"Port, or address and port."`
}

// rtcServer is composed of the settings of two packages.
type rtcServer struct {
	Enabled  bool     `conf:"enabled" doc:"Whether WebRTC is served."`
	Listen   int      `conf:"listen" default:"8000" doc:"UDP port."`
	TCP      rtcTCP   `conf:"tcp" doc:"WebRTC over TCP."`
	Protocol protocol `conf:"protocol" default:"udp" doc:"udp, tcp or all."`
	Candidates
}

type Candidates struct {
	Candidate []string `conf:"candidate" default:"*" doc:"Addresses told to clients; * is every one there is."`
}

type rtcTCP struct {
	Enabled bool `conf:"enabled" doc:"Whether WebRTC comes over TCP too."`
	Listen  int  `conf:"listen" default:"8000" doc:"TCP port."`
}

func (c *rtcTCP) Check() error {
	if c.Listen < 1 || c.Listen > 65535 {
		return fmt.Errorf("listen must be a port, 1 to 65535, not %d", c.Listen)
	}
	return nil
}

// protocol reads itself.
type protocol string

func (p *protocol) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "udp", "tcp", "all":
		*p = protocol(s)
		return nil
	}
	return errors.New("not udp, tcp or all")
}

type vhosted struct {
	RTC  vhostRTC `conf:"rtc" doc:"WebRTC in this virtual host."`
	Play play     `conf:"play" doc:"How viewers are served."`
}

type vhostRTC struct {
	Enabled     bool          `conf:"enabled" doc:"Whether WebRTC may be used."`
	NACK        bool          `conf:"nack" default:"on" doc:"Whether lost packets are asked for."`
	StunTimeout time.Duration `conf:"stun_timeout" default:"30" unit:"s" doc:"How long a silent client may stay."`
}

type play struct {
	MwLatency   time.Duration `conf:"mw_latency" default:"350" unit:"ms" doc:"How long packets may wait for others."`
	QueueLength float64       `conf:"queue_length" default:"30" doc:"Seconds."`
}

func (p play) Check() error {
	var errs []error
	if p.MwLatency < 0 {
		errs = append(errs, errors.New("mw_latency must not be negative"))
	}
	if p.QueueLength < 1 {
		errs = append(errs, errors.New("queue_length: must be 1 or more"))
	}
	if p.MwLatency == p.seconds() {
		errs = append(errs, errors.New("latency and queue are equal"))
	}
	return errors.Join(errs...)
}

func (p play) seconds() time.Duration { return time.Duration(p.QueueLength * float64(time.Second)) }
