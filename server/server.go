// Package server is every session: it owns the connections, the goroutines and the deadlines.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"oneport/cert"
	"oneport/dtls"
	"oneport/port"
	"oneport/srt"
	"oneport/stream"
)

// Server is a running oneport.
type Server struct {
	config      *Config
	log         *slog.Logger
	crowd       *slog.Logger // for what anybody can cause
	certificate *dtls.Certificate
	hubs        map[string]*stream.Hub // by virtual host
	vhostIDs    map[string]string      // in the API

	sessions   *sessions
	viewers    table[*viewer] // of frames
	ingests    table[*ingest]
	segmenters segmenters
	hlsViewers hlsViewers
	places     places
	queue      queue // of viewers of frames
	rtcQueue   queue // of viewers by WebRTC, which are bounded by themselves
	buffers    playBuffers
	timers     *timers
	writers    []*writer
	turn       atomic.Uint32 // which writer the next viewer gets

	opening    sync.Mutex // guards ports while they are opened, for makeRoom
	ports      []*port.Port
	https      []*http.Server
	certs      map[cert.Files]*cert.Source
	acme       *cert.Account // nil without acme
	handshakes newcomers     // by TLS
	newcomers  newcomers     // by RTMP
	strangers  newcomers     // by WebRTC
	callers    callers       // by HTTP
	udp        *udpPort
	srt        *srt.Listener
	rtcTCPPort uint16
	connID     atomic.Uint64

	// The outside world, which tests replace.
	lookup     func(ctx context.Context, network, host string) ([]netip.Addr, error)
	interfaces func() ([]net.Addr, error)

	serverID, serviceID, pid string
	started                  time.Time
	stats                    stats
	retiring                 sync.RWMutex // a session goes from the table to the totals of stats
	rates                    rates
	load                     load

	stop  chan struct{}  // closed to end timers and writers
	tasks sync.WaitGroup // every goroutine but the links', the ports' and the handshakes'
	links sync.WaitGroup // goroutines that flush full connections, and connections that end on the client's side
}

// stats are the counters that belong to no session.
type stats struct {
	joined          atomic.Uint64
	unrouted        atomic.Uint64 // datagrams and frames that belong to nobody
	strangers       atomic.Uint64 // connections that never said a valid word
	feedbackDropped atomic.Uint64 // feedback that found a full connection
	refused         atomic.Uint64 // joins
	ended           atomic.Uint64 // sessions
	tlsFailed       atomic.Uint64 // handshakes
	bridges         atomic.Int64  // that run
	panics          atomic.Uint64 // that were survived
	soundErrors     atomic.Uint64 // frames of sound that were not converted
	bFrames         atomic.Uint64 // left out for viewers by WebRTC
	segments        atomic.Uint64 // of HLS and DASH that were made
	forcedSegments  atomic.Uint64 // of them, those that ended without a keyframe
	unreadyFrames   atomic.Uint64 // that segments were made without
	lateFrames      atomic.Uint64 // that were gone before they were cut
	segmentBytes    atomic.Uint64 // of playlists and segments that were sent
	bridged         bridgedCounts // of the packets that were turned into frames
	sent, received  endedTraffic  // of sessions that ended
	frames          endedFrames   // of publishers of frames that ended
}

// endedTraffic keeps what ended sessions carried, so that the server's counters never go back.
type endedTraffic struct{ packets, bytes, skips, resent, withheld, oversized, unfit, lost, rejected, dtlsDropped atomic.Uint64 }

// endedFrames does the same for what frames alone have.
type endedFrames struct{ received, rejected, rebased, unasked atomic.Uint64 }

// Open binds every port and starts to serve. The caller owns the logger; the configuration must have been checked.
func Open(c *Config, log *slog.Logger) (*Server, error) {
	s, err := start(c, log)
	if err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// start makes a server that runs but listens nowhere yet.
func start(c *Config, log *slog.Logger) (*Server, error) {
	keyType := dtls.ECDSA
	if !c.RTC.ECDSA {
		keyType = dtls.RSA
	}
	certificate, err := dtls.NewCertificate(keyType)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config:      c,
		log:         log,
		crowd:       newCrowdLog(log),
		certificate: certificate,
		hubs:        make(map[string]*stream.Hub),
		vhostIDs:    make(map[string]string),
		sessions:    newSessions(c.RTC.MaxSessions, c.RTC.MaxSessionsPerAddress),
		segmenters:  segmenters{mark: newMark()},
		places:      places{most: int64(c.MaxConnections)},
		queue:       queue{most: halfOf(c.MaxConnections), mostOfOne: c.MaxWaiting, full: errAllWaiting, fullOfOne: errTooManyWaiting},
		rtcQueue:    queue{most: halfOf(c.RTC.MaxSessions), mostOfOne: c.RTC.MaxSessionsPerAddress, full: errSessionsWaiting, fullOfOne: errTooManyAddress},
		handshakes:  newcomers{most: mostNewcomers, mostOfOne: mostOfOneAddress},
		newcomers:   newcomers{most: mostNewcomers, mostOfOne: mostOfOneAddress},
		strangers:   newcomers{most: mostNewcomers, mostOfOne: mostOfOneAddress},
		callers: callers{
			fresh: newcomers{most: mostNewcomers, mostOfOne: mostOfOneAddress},
			idle:  newcomers{most: unlimited, mostOfOne: unlimited},
		},
		timers:     newTimers(),
		serverID:   "vid-" + randomText(7),
		serviceID:  randomText(8),
		pid:        strconv.Itoa(os.Getpid()),
		started:    time.Now(),
		stop:       make(chan struct{}),
		lookup:     net.DefaultResolver.LookupNetIP,
		interfaces: net.InterfaceAddrs,
		certs:      make(map[cert.Files]*cert.Source),
	}
	for v := range c.Vhosts.All() {
		s.vhostIDs[v.Name] = "vid-" + randomText(7)
		s.hubs[v.Name] = stream.NewHub(stream.Config{
			MaxStreams: c.RTC.MaxStreams, MaxReaders: c.RTC.MaxSessions + c.MaxConnections,
			Play: v.Settings.Play, Publish: v.Settings.Publish.Publish, FrameBridge: s.frameBridge(&v.Settings.RTC), PacketBridge: s.packetBridge(&v.Settings.RTC), Published: s.published(v),
		})
	}
	s.tasks.Go(func() { s.timers.run(s.stop) })
	for range runtime.GOMAXPROCS(0) {
		w := newWriter()
		s.writers = append(s.writers, w)
		s.tasks.Go(func() { w.run(s.stop) })
	}
	return s, nil
}

func (s *Server) nextWriter() *writer {
	return s.writers[s.turn.Add(1)%uint32(len(s.writers))]
}

// listen opens every address that a service is configured for, once.
func (s *Server) listen() error {
	plan, err := s.plan()
	if err != nil {
		return err
	}
	if err := s.openAccount(); err != nil {
		return err
	}
	for _, p := range plan {
		if err := s.openPort(p); err != nil {
			return err
		}
	}
	if s.config.rtcOverUDP() {
		addr, err := parseListen(s.config.RTC.Listen)
		if err != nil {
			return fmt.Errorf("rtc_server.listen: %w", err)
		}
		if s.udp, err = s.openUDP(listenText(addr)); err != nil {
			return err
		}
	}
	if s.config.SRT.Enabled {
		if err := s.openSRT(); err != nil {
			return err
		}
	}
	s.orderCertificates(plan)
	return nil
}

// openPort starts one TCP port with exactly the services configured for it.
func (s *Server) openPort(p *portPlan) error {
	handlers := make(map[port.Kind]func(*port.Conn))
	if p.plain.any() {
		handlers[port.HTTP] = s.serveHTTP(s.httpServer(p.plain, s.apiListen(false))).Handle
	}
	if p.secure.any() || p.rtmps {
		config, err := s.tlsConfig(p)
		if err != nil {
			return err
		}
		inside := insideTLS{rtmp: p.rtmps}
		if p.secure.any() {
			inside.http = s.serveHTTP(s.httpServer(p.secure, s.apiListen(true)))
		}
		handlers[port.TLS] = func(c *port.Conn) { s.serveTLS(c, config, inside) }
	}
	if p.rtmp {
		// A version that no client is known by makes RTMP look like nothing, or like RTC.
		handlers[port.RTMP], handlers[port.Unknown] = s.serveRTMP, s.serveRTMP
		if !p.rtc {
			handlers[port.RTC] = s.serveRTMP
		}
	}
	if p.rtc {
		handlers[port.RTC] = s.serveRTC
	}
	opened, err := port.Open(listenText(p.addr), handlers, port.Options{Log: s.log, Setting: s.settingsOf(p), MakeRoom: s.makeRoom})
	if err != nil {
		return err
	}
	s.opening.Lock()
	s.ports = append(s.ports, opened)
	s.opening.Unlock()
	if p.rtc {
		s.rtcTCPPort = opened.Addr().(*net.TCPAddr).AddrPort().Port()
	}
	return nil
}

// makeRoom closes connections that have said nothing of use since before that moment, whatever port they came to and however
// far they are, because the process can't open one more: a client that speaks at once gets through a crowd that does not.
func (s *Server) makeRoom(before time.Time) (made bool) {
	s.opening.Lock()
	ports := s.ports
	s.opening.Unlock()
	for _, p := range ports {
		made = p.MakeRoom(before) || made
	}
	for _, n := range []*newcomers{&s.handshakes, &s.newcomers, &s.strangers, &s.callers.fresh, &s.callers.idle} {
		made = n.makeRoom(before) || made
	}
	return made
}

// serveHTTP serves the connections that the listener is given, until the server is closed.
func (s *Server) serveHTTP(h *http.Server) *port.Listener {
	listener := port.HTTPListener()
	s.https = append(s.https, h)
	s.tasks.Go(func() {
		if err := h.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("http server ended", "err", err)
		}
	})
	return listener
}

// apiListen is where pages find the API that is not on their own port: inside TLS or not, as they are. Empty: nowhere.
func (s *Server) apiListen(secure bool) string {
	switch c := s.config; {
	case secure && c.HTTPAPI.HTTPS.Enabled:
		api, _ := c.httpsListens()
		return api[0]
	case !secure && c.HTTPAPI.Enabled:
		return c.HTTPAPI.Listen
	}
	return ""
}

// Close ends every session, telling its client, and returns when no goroutine is left.
func (s *Server) Close() {
	s.viewers.close(errShutdown)
	s.ingests.close(errShutdown)
	s.segmenters.close()
	var ending sync.WaitGroup
	for _, sess := range s.sessions.close() {
		ending.Go(func() { sess.close(errShutdown) })
	}
	ending.Wait()
	s.links.Wait() // what is still to be said to clients that are behind
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	for _, h := range s.https {
		if h.Shutdown(ctx) != nil {
			h.Close()
		}
	}
	for _, p := range s.ports {
		p.Stop()
	}
	for _, p := range s.ports {
		p.Close()
	}
	if s.udp != nil {
		s.udp.conn.Close()
	}
	if s.srt != nil {
		s.srt.Close()
	}
	s.hlsViewers.close(errShutdown)
	s.viewers.left.Wait()
	s.ingests.left.Wait()
	close(s.stop)
	s.links.Wait() // whose last answer to a stranger found no room
	s.tasks.Wait()
	s.sessions.handshakes.Wait()
}

// shutdownGrace is how long requests that are under way may take at the end.
const shutdownGrace = time.Second

// Addrs are the TCP addresses that are listened on, for whoever asked for any port and for the start's message.
func (s *Server) Addrs() []net.Addr {
	var list []net.Addr
	for _, p := range s.ports {
		list = append(list, p.Addr())
	}
	return list
}
