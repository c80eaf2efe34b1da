package server

import (
	"errors"
	"fmt"
	"net/netip"

	"oneport/config"
	"oneport/ice"
)

// Check finds settings that contradict each other, mean nothing, or can't be started with.
func (c *Config) Check() error {
	if err := c.checkAddresses(); err != nil {
		return err
	}
	return errors.Join(c.checkSwitches(), c.checkRTC(), c.checkBounds(), c.checkSharing())
}

// checkAddresses demands that every address which is listened on can be read.
func (c *Config) checkAddresses() error {
	for _, v := range c.services() {
		if _, err := parseListen(v.listen); v.on && err != nil {
			return fmt.Errorf("%s: %w", v.setting, err)
		}
	}
	if _, err := parseListen(c.SRT.Listen); c.SRT.Enabled && err != nil {
		return fmt.Errorf("srt_server.listen: %w", err)
	}
	// These are checked even where the protocol leaves one of them unused.
	if _, err := parseListen(c.RTC.Listen); c.RTC.Enabled && err != nil {
		return fmt.Errorf("rtc_server.listen: %w", err)
	}
	if _, err := parseListen(c.RTC.TCP.Listen); c.RTC.Enabled && c.RTC.TCP.Enabled && err != nil {
		return fmt.Errorf("rtc_server.tcp.listen: %w", err)
	}
	return nil
}

// checkSwitches finds what is on without what it needs.
func (c *Config) checkSwitches() error {
	switch {
	case c.HTTPAPI.HTTPS.Enabled && !c.HTTPAPI.Enabled:
		return errors.New("http_api.https.enabled is on but http_api.enabled is off: switch that on too, or this off")
	case c.HTTPServer.HTTPS.Enabled && !c.HTTPServer.Enabled:
		return errors.New("http_server.https.enabled is on but http_server.enabled is off: switch that on too, or this off")
	case c.ACME.Enabled && !c.HTTPAPI.HTTPS.Enabled && !c.HTTPServer.HTTPS.Enabled && !c.RTMPS.Enabled:
		return errors.New("acme.enabled is on but nothing would use a certificate: switch http_server.https.enabled, http_api.https.enabled or rtmps.enabled on")
	case c.RTC.Enabled && c.RTC.Protocol == "tcp" && !c.RTC.TCP.Enabled:
		return errors.New("rtc_server.protocol is tcp but rtc_server.tcp.enabled is off: no client could connect; switch tcp on")
	case !c.anyOn():
		return fmt.Errorf("nothing is switched on: enable http_api, http_server, rtc_server or srt_server (%s=on), or let RTMP listen (%s)",
			config.EnvName("http_api.enabled"), config.EnvName("listen"))
	}
	return nil
}

// anyOn says whether there is anything to listen on.
func (c *Config) anyOn() bool {
	for _, v := range c.services() {
		if v.on {
			return true
		}
	}
	return c.rtcOverUDP() || c.SRT.Enabled
}

// rtcOverUDP says whether WebRTC has a UDP port.
func (c *Config) rtcOverUDP() bool { return c.RTC.Enabled && c.RTC.Protocol != "tcp" }

// checkRTC finds words that mean nothing to WebRTC.
func (c *Config) checkRTC() error {
	switch c.RTC.Protocol {
	case "udp", "tcp", "all":
	default:
		return fmt.Errorf("rtc_server.protocol is %q: it can be udp, tcp or all", c.RTC.Protocol)
	}
	switch c.RTC.IPFamily {
	case "ipv4", "ipv6", "all":
	default:
		return fmt.Errorf("rtc_server.ip_family is %q: it can be ipv4, ipv6 or all", c.RTC.IPFamily)
	}
	if _, _, err := c.RTC.told(); err != nil {
		return fmt.Errorf("rtc_server.candidate: %w; it is one address or domain, or * to find out", err)
	}
	return nil
}

// PagesAt is where the pages are served in the clear; not ok if they are not.
func (c *Config) PagesAt() (at netip.AddrPort, ok bool) {
	at, err := parseListen(c.HTTPServer.Listen)
	return at, err == nil && c.HTTPServer.Enabled
}

// told is the host that clients are told to reach the server by; not ok if that is to be found out.
func (r *RTC) told() (host ice.Host, ok bool, err error) {
	if r.Candidate == "" || r.Candidate == "*" {
		return host, false, nil
	}
	if ip, err := netip.ParseAddr(r.Candidate); err == nil && ip.IsUnspecified() {
		return host, false, nil
	}
	host, err = ice.ParseHost(r.Candidate)
	return host, err == nil, err
}

// checkBounds finds bounds that nobody would get in by.
func (c *Config) checkBounds() error {
	var errs []error
	for _, bound := range []struct {
		setting string
		value   int
	}{
		{"max_connections", c.MaxConnections},
		{"max_waiting_per_address", c.MaxWaiting},
		{"rtc_server.max_streams", c.RTC.MaxStreams},
		{"rtc_server.max_sessions", c.RTC.MaxSessions},
		{"rtc_server.max_sessions_per_address", c.RTC.MaxSessionsPerAddress},
	} {
		if bound.value <= 0 {
			errs = append(errs, fmt.Errorf("%s must be greater than 0", bound.setting))
		}
	}
	if size := c.rtmpChunkSize(); size < 128 || size > 65536 {
		errs = append(errs, errors.New("chunk_size must be from 128 to 65536"))
	}
	return errors.Join(errs...)
}

// placed is an address that a setting asks to listen on.
type placed struct {
	setting string
	addr    netip.AddrPort
}

// checkSharing finds addresses of which one is a part of another: over TCP equal ones share a port, over UDP nothing does.
func (c *Config) checkSharing() error {
	var tcp, udp []placed
	for _, v := range c.services() {
		if addr, err := parseListen(v.listen); v.on && err == nil {
			tcp = append(tcp, placed{v.setting, addr})
		}
	}
	if addr, err := parseListen(c.RTC.Listen); c.rtcOverUDP() && err == nil {
		udp = append(udp, placed{"rtc_server.listen", addr})
	}
	if addr, err := parseListen(c.SRT.Listen); c.SRT.Enabled && err == nil {
		udp = append(udp, placed{"srt_server.listen", addr})
	}
	if a, b, found := collision(tcp, false); found {
		return fmt.Errorf("%s is TCP %s and %s is TCP %s, and one is a part of the other: write both the same way, so that they share the port, or choose another port for one",
			a.setting, listenText(a.addr), withVariable(b.setting), listenText(b.addr))
	}
	if a, b, found := collision(udp, true); found {
		return fmt.Errorf("%s is UDP %s and %s is UDP %s, which can't share a port: choose another for one",
			a.setting, listenText(a.addr), withVariable(b.setting), listenText(b.addr))
	}
	return nil
}

// collision finds two that can't both be opened; equal ones are in each other's way only if they are exclusive.
func collision(list []placed, exclusive bool) (a, b placed, found bool) {
	for i, b := range list {
		for _, a := range list[:i] {
			if a.addr == b.addr && !exclusive || a.addr.Port() != b.addr.Port() {
				continue
			}
			if a.addr == b.addr || a.addr.Addr().IsUnspecified() || b.addr.Addr().IsUnspecified() {
				return a, b, true
			}
		}
	}
	return a, b, false
}

// Warnings are words about settings that contradict none but have no effect as they are, or one that nobody wants, where SRS says
// nothing.
func (c *Config) Warnings() (list []string) {
	none := true
	for v := range c.Vhosts.All() {
		none = false
		if v.Settings.Remux.Enabled && !c.HTTPServer.Enabled {
			list = append(list, fmt.Sprintf("vhost %s has http_remux.enabled on but http_server.enabled is off: no stream is played by HTTP; switch that on", v.Name))
		}
	}
	if none {
		list = append(list, fmt.Sprintf("there is no vhost, so nobody can publish or play: write `vhost %s { rtc { enabled on; } }`, with what else it is to have",
			config.DefaultVhost))
	}
	return append(list, c.sharedFiles()...)
}
