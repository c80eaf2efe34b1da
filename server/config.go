package server

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"oneport/cert"
	"oneport/config"
	"oneport/hls"
	"oneport/ice"
	"oneport/srt"
	"oneport/stream"
)

// Config is the whole configuration, section by section as SRS has them.
type Config struct {
	HTTPAPI        HTTPAPI    `conf:"http_api"`
	HTTPServer     HTTPServer `conf:"http_server"`
	RTC            RTC        `conf:"rtc_server"`
	ACME           cert.ACME  `conf:"acme"`
	Listen         []string   `conf:"listen" doc:"[address:]ports of RTMP; shared: that of the pages. Equal addresses mean one shared port."`
	ChunkSize      int        `conf:"chunk_size" default:"60000" doc:"The bytes of the chunks that RTMP clients are sent, 128 to 65536."`
	RTMP           RTMP       `conf:"rtmp"`
	RTMPS          RTMPS      `conf:"rtmps"`
	SRT            srt.Config `conf:"srt_server"`
	MaxConnections int        `conf:"max_connections" default:"1000" doc:"The most clients at one time by anything but WebRTC; of those by HTTP more are answered 503, others are told so. Half of them at most wait for streams that nobody publishes; an RTMP client is counted from when it publishes or plays on."`
	MaxWaiting     int        `conf:"max_waiting_per_address" default:"250" doc:"The most clients of one address (of one /64 with IPv6), by other protocols than WebRTC, that wait for a stream that nobody publishes; more are answered 429. Behind a reverse proxy all have the address of that."`

	Vhosts config.Vhosts[VhostConf] `conf:"vhost"`
}

// HTTPAPI is where the HTTP API, WHIP and WHEP listen.
type HTTPAPI struct {
	Enabled     bool   `conf:"enabled" default:"off" doc:"Whether the HTTP API, WHIP and WHEP are served."`
	Listen      string `conf:"listen" default:"1985" doc:"[address:]port of the API. Equal addresses mean one shared port."`
	Crossdomain bool   `conf:"crossdomain" default:"on" doc:"Let pages of other sites use the API (CORS)."`

	HTTPS APIHTTPS `conf:"https"`
}

// APIHTTPS is the API inside TLS.
type APIHTTPS struct {
	Enabled bool   `conf:"enabled" default:"off" doc:"Whether the API is served by HTTPS too."`
	Listen  string `conf:"listen" doc:"[address:]port of the API by HTTPS; shared: that of the plain one, and of the pages by HTTPS. Default: where the plain ports are one, as http_server.https, else 1990."`
	cert.Files
}

// shared, as the address of HTTPS, means that https:// is answered wherever there is something to share a port with: on the
// plain one's, and beside the other section's HTTPS.
const shared = "shared"

// httpsListens are the addresses of the API's and of the pages' HTTPS.
func (c *Config) httpsListens() (api, pages []string) {
	a, p := c.HTTPAPI.HTTPS.Listen, c.HTTPServer.HTTPS.Listen
	if a == "" {
		a = c.defaultAPIHTTPS()
	}
	api, pages = []string{a}, []string{p}
	if a == shared {
		api = []string{c.HTTPAPI.Listen}
		if c.HTTPServer.HTTPS.Enabled && p != shared {
			api = append(api, p)
		}
	}
	if p == shared {
		pages = []string{c.HTTPServer.Listen}
		if c.HTTPAPI.HTTPS.Enabled && a != shared {
			pages = append(pages, a)
		}
	}
	return api, pages
}

// defaultAPIHTTPS is SRS's rule.
func (c *Config) defaultAPIHTTPS() string {
	api, _ := parseListen(c.HTTPAPI.Listen)
	pages, _ := parseListen(c.HTTPServer.Listen)
	if api == pages {
		return c.HTTPServer.HTTPS.Listen
	}
	return "1990"
}

// HTTPServer is where the pages are served.
type HTTPServer struct {
	Enabled     bool   `conf:"enabled" default:"off" doc:"Whether the pages are served."`
	Listen      string `conf:"listen" default:"8080" doc:"[address:]port of the pages. Equal addresses mean one shared port."`
	Crossdomain bool   `conf:"crossdomain" default:"on" doc:"Let pages of other sites load what is served here (CORS)."`

	HTTPS PagesHTTPS `conf:"https"`
}

// PagesHTTPS is the pages inside TLS.
type PagesHTTPS struct {
	Enabled bool   `conf:"enabled" default:"off" doc:"Whether the pages are served by HTTPS too."`
	Listen  string `conf:"listen" default:"8088" doc:"[address:]port of the pages by HTTPS; shared: that of the plain ones, and of the API by HTTPS."`
	cert.Files
}

// RTMP is what of RTMP has no older spelling: SRS has it from version 8 on.
type RTMP struct {
	Enabled   bool     `conf:"enabled" default:"on" doc:"Whether RTMP is served, where listen or rtmp.listen say."`
	Listen    []string `conf:"listen" doc:"As listen, in the spelling of SRS 8; both are served."`
	ChunkSize int      `conf:"chunk_size" default:"0" doc:"As chunk_size, in the spelling of SRS 8; 0: what that says."`
}

// RTMPS is RTMP inside TLS.
type RTMPS struct {
	Enabled bool     `conf:"enabled" default:"off" doc:"Whether RTMP is served inside TLS."`
	Listen  []string `conf:"listen" default:"1443" doc:"[address:]ports of RTMP inside TLS; shared: that of the pages by HTTPS."`
	cert.Files
}

// rtmpListen is a setting of addresses of RTMP.
type rtmpListen struct {
	setting string
	listens []string
}

// rtmpSettings are the settings that say where RTMP listens, with what they say.
func (c *Config) rtmpSettings() []rtmpListen {
	if !c.RTMP.Enabled {
		return nil
	}
	share := func(list []string) []string { return shareWith(list, c.HTTPServer.Enabled, c.HTTPServer.Listen) }
	return []rtmpListen{{"listen", share(c.Listen)}, {"rtmp.listen", share(c.RTMP.Listen)}}
}

// rtmpListens are the addresses of RTMP and of RTMPS. What is to share a port that is not there is left out.
func (c *Config) rtmpListens() (plain, secure []string) {
	_, pages := c.httpsListens()
	for _, own := range c.rtmpSettings() {
		plain = append(plain, own.listens...)
	}
	if c.RTMPS.Enabled {
		secure = shareWith(c.RTMPS.Listen, c.HTTPServer.Enabled && c.HTTPServer.HTTPS.Enabled, pages...)
	}
	return plain, secure
}

// shareWith puts addresses in the place of the word shared.
func shareWith(list []string, there bool, with ...string) (out []string) {
	for _, listen := range list {
		switch {
		case listen != shared:
			out = append(out, listen)
		case there:
			out = append(out, with...)
		}
	}
	return out
}

// rtmpChunkSize is the size of the chunks that are sent.
func (c *Config) rtmpChunkSize() int {
	if c.RTMP.ChunkSize != 0 {
		return c.RTMP.ChunkSize
	}
	return c.ChunkSize
}

// RTC is where WebRTC media goes.
type RTC struct {
	Enabled  bool   `conf:"enabled" default:"off" doc:"Whether WebRTC is served."`
	Listen   string `conf:"listen" default:"8000" doc:"[address:]port for WebRTC over UDP."`
	TCP      RTCTCP `conf:"tcp"`
	Protocol string `conf:"protocol" default:"udp" doc:"Which transports are offered to clients: udp, tcp, or all."`

	Candidate             string `conf:"candidate" default:"*" doc:"Address or domain that clients reach this server by; * finds out; $NAME reads the environment."`
	AutoDetect            bool   `conf:"use_auto_detect_network_ip" default:"on" doc:"With candidate *, offer the addresses of the network interfaces."`
	IPFamily              string `conf:"ip_family" default:"ipv4" doc:"Which interface addresses are offered: ipv4, ipv6, or all."`
	APIAsCandidates       bool   `conf:"api_as_candidates" default:"on" doc:"Offer the host that the client called the API by."`
	ResolveAPIDomain      bool   `conf:"resolve_api_domain" default:"on" doc:"Look a host name of the API up and offer its addresses."`
	KeepAPIDomain         bool   `conf:"keep_api_domain" default:"off" doc:"Offer the host name of the API itself too."`
	ECDSA                 bool   `conf:"ecdsa" default:"on" doc:"Make an ECDSA certificate for DTLS; off makes an RSA one."`
	MaxStreams            int    `conf:"max_streams" default:"10000" doc:"The most streams at one time, published or waited for; more are answered 503."`
	MaxSessions           int    `conf:"max_sessions" default:"10000" doc:"The most WebRTC sessions at one time; more are answered 503."`
	MaxSessionsPerAddress int    `conf:"max_sessions_per_address" default:"2000" doc:"The most WebRTC sessions of one client address (of one /64 with IPv6), waiting or not; more are answered 429. Behind a reverse proxy all have the address of that."`
}

// RTCTCP is where WebRTC over TCP listens.
type RTCTCP struct {
	Enabled bool   `conf:"enabled" default:"off" doc:"Whether WebRTC over TCP is served."`
	Listen  string `conf:"listen" default:"8000" doc:"[address:]port for WebRTC over TCP. Equal addresses mean one shared port."`
}

// VhostConf are the settings of a virtual host.
type VhostConf struct {
	RTC     VhostRTC     `conf:"rtc"`
	SRT     VhostSRT     `conf:"srt"`
	Remux   HTTPRemux    `conf:"http_remux"`
	HLS     hls.Settings `conf:"hls"`
	DASH    hls.DASH     `conf:"dash"`
	Play    stream.Play  `conf:"play"`
	Publish VhostPublish `conf:"publish"`
}

// VhostPublish are a virtual host's settings for publishers.
type VhostPublish struct {
	stream.Publish
	FirstPacket time.Duration `conf:"firstpkt_timeout" default:"20000" unit:"ms" doc:"How long a publisher by RTMP or SRT may take until it sends something."`
	Normal      time.Duration `conf:"normal_timeout" default:"5000" unit:"ms" doc:"How long a publisher by RTMP or SRT may be silent after that."`
}

// Check finds settings with which nobody could publish.
func (p VhostPublish) Check() error {
	switch {
	case p.FirstPacket <= 0:
		return errors.New("firstpkt_timeout must be greater than 0")
	case p.Normal <= 0:
		return errors.New("normal_timeout must be greater than 0")
	}
	return p.Publish.Check()
}

// VhostRTC are a virtual host's settings for WebRTC.
type VhostRTC struct {
	Enabled bool `conf:"enabled" default:"off" doc:"Whether this virtual host takes WebRTC publishers and viewers."`
	ice.Config

	ToRTMP      bool          `conf:"rtc_to_rtmp" default:"off" doc:"Let what is published by WebRTC be played by everything else too (RTMP, SRT, HTTP-FLV, HTTP-TS, HLS and DASH), with the sound turned into AAC."`
	PLIForRTMP  time.Duration `conf:"pli_for_rtmp" default:"6.0" unit:"s" doc:"With rtc_to_rtmp and viewers by anything but WebRTC, how often a publisher is asked for a keyframe at least."`
	FromRTMP    bool          `conf:"rtmp_to_rtc" default:"off" doc:"Let what is published by RTMP or SRT be played by WebRTC, with the sound turned into Opus."`
	OpusBitrate int           `conf:"opus_bitrate" default:"48000" doc:"With rtmp_to_rtc, the bits a second of the sound as Opus; 24000 at least are used for each channel."`
	KeepSEI     bool          `conf:"keep_avc_nalu_sei" default:"on" doc:"With rtmp_to_rtc, pass on supplemental information (SEI) of H264 and H265."`

	AACBitrate int `conf:"aac_bitrate" default:"48000" doc:"With rtc_to_rtmp, the bits a second of the sound as AAC; 24000 at least are used for each channel."`
}

// Check finds a rate of keyframe requests that SRS refuses too, and a sound that no encoder makes.
func (v VhostRTC) Check() error {
	if least, most := 500*time.Millisecond, 30*time.Second; v.PLIForRTMP < least || v.PLIForRTMP > most {
		return errors.New("pli_for_rtmp must be from 0.5 to 30 s")
	}
	if v.OpusBitrate < 8000 || v.OpusBitrate > 320000 {
		return errors.New("opus_bitrate must be from 8000 to 320000 bits a second")
	}
	return nil
}

// parseListen reads "port", ":port" or "address:port". No address means every one, IPv4 and IPv6.
func parseListen(s string) (netip.AddrPort, error) {
	host, port := "", s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, port = strings.Trim(s[:i], "[]"), s[i+1:]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is not [address:]port with a port of 1 to 65535", s)
	}
	addr := netip.IPv6Unspecified()
	if host != "" && host != "*" {
		if addr, err = netip.ParseAddr(host); err != nil {
			return netip.AddrPort{}, fmt.Errorf("%q is not [address:]port: %q is not an IP address", s, host)
		}
	}
	if addr == netip.IPv4Unspecified() {
		addr = netip.IPv6Unspecified()
	}
	return netip.AddrPortFrom(addr, uint16(n)), nil
}

// listenText is how a parsed address is given to net.Listen: every address is written as none.
func listenText(a netip.AddrPort) string {
	if a.Addr().IsUnspecified() {
		return fmt.Sprintf(":%d", a.Port())
	}
	return a.String()
}
