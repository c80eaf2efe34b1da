// Package srt accepts publishers and players by SRT (draft-sharabayko-srt) and moves their bytes.
package srt

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"sync"
	"syscall"
	"time"

	gosrt "github.com/datarhei/gosrt"
)

// Config is where SRT listens, and how its connections behave.
type Config struct {
	Enabled         bool          `conf:"enabled" default:"off" doc:"Whether SRT is served."`
	Listen          string        `conf:"listen" default:"10080" doc:"[address:]port of SRT, which goes by UDP."`
	MSS             int           `conf:"mss" default:"1500" doc:"The bytes of the greatest packet, all headers included; 76 to 1500."`
	PayloadSize     int           `conf:"payloadsize" default:"1316" doc:"The bytes of media in a packet to players, a multiple of 188."`
	Latency         time.Duration `conf:"latency" default:"120" unit:"ms" doc:"How long lost packets may take to be sent again. A client that asks for more gets it."`
	RecvLatency     time.Duration `conf:"recvlatency" default:"0" unit:"ms" doc:"The same for publishers alone; 0: as latency."`
	PeerLatency     time.Duration `conf:"peerlatency" default:"0" unit:"ms" doc:"The same for players alone; 0: as latency."`
	PeerIdle        time.Duration `conf:"peer_idle_timeout" default:"10000" unit:"ms" doc:"A client that sends nothing for so long has gone."`
	Passphrase      string        `conf:"passphrase" secret:"true" doc:"The passphrase of all clients, of 10 to 80 bytes; empty: nothing is encrypted."`
	DefaultApp      string        `conf:"default_app" default:"live" doc:"The application of a stream identifier that names none."`
	DefaultStreamID string        `conf:"default_streamid" default:"#!::r=live/livestream,m=request" doc:"The stream identifier of a client that has none."`
}

const (
	packetUnit = 188 // of a transport stream
	headers    = 44  // of IP, UDP and SRT

	shortestPassphrase, longestPassphrase = 10, 80
)

// Check finds settings that mean nothing.
func (c Config) Check() error {
	switch n := len(c.Passphrase); {
	case n > 0 && (n < shortestPassphrase || n > longestPassphrase):
		return fmt.Errorf("passphrase has %d bytes: it must have %d to %d, or none", n, shortestPassphrase, longestPassphrase)
	case c.MSS < 76 || c.MSS > 1500:
		return errors.New("mss must be 76 to 1500")
	case c.PayloadSize < packetUnit || c.PayloadSize > c.MSS-headers:
		return fmt.Errorf("payloadsize must be from %d to %d, which is mss less its headers", packetUnit, c.MSS-headers)
	case c.PeerIdle <= 0 || c.Latency < 0 || c.RecvLatency < 0 || c.PeerLatency < 0:
		return errors.New("times must not be negative, and peer_idle_timeout not 0")
	}
	if _, err := ParseStreamID(c.DefaultStreamID, c.DefaultApp); err != nil {
		return fmt.Errorf("default_streamid: %w", err)
	}
	return nil
}

// payload is how many bytes of a transport stream a packet carries: whole packets of it.
func (c Config) payload() int { return c.PayloadSize / packetUnit * packetUnit }

func (c Config) library() gosrt.Config {
	g := gosrt.DefaultConfig()
	g.MSS, g.PayloadSize = uint32(c.MSS), uint32(c.payload())
	g.ReceiverLatency, g.PeerLatency = c.Latency, c.Latency
	if c.RecvLatency > 0 {
		g.ReceiverLatency = c.RecvLatency
	}
	if c.PeerLatency > 0 {
		g.PeerLatency = c.PeerLatency
	}
	g.PeerIdleTimeout = c.PeerIdle
	return g
}

// Reason is why a request is refused, as the client is told.
type Reason uint32

// Reasons of the protocol, and of its access control.
const (
	BadSecret    = Reason(gosrt.REJ_BADSECRET) // the passphrase is wrong
	Unsecure     = Reason(gosrt.REJ_UNSECURE)  // a passphrase is missing, or there is none here
	Closing      = Reason(gosrt.REJ_CLOSE)
	BadRequest   = Reason(gosrt.REJX_BAD_REQUEST)
	Overload     = Reason(gosrt.REJX_OVERLOAD)
	Forbidden    = Reason(gosrt.REJX_FORBIDDEN)
	NotFound     = Reason(gosrt.REJX_NOTFOUND)
	Unacceptable = Reason(gosrt.REJX_UNACCEPTABLE)
	Conflict     = Reason(gosrt.REJX_CONFLICT)
	Internal     = Reason(gosrt.REJX_ISE)
)

// Errors of a request that can't be served, for which Admit says the reason too.
var (
	ErrPassphrase = errors.New("srt: the passphrase is wrong")
	ErrUnsecure   = errors.New("srt: srt_server.passphrase is set, and the client has none")
	ErrSecure     = errors.New("srt: the client has a passphrase, and srt_server.passphrase is not set")
)

// Listener takes requests on a UDP port.
type Listener struct {
	config Config
	inner  gosrt.Listener
	tasks  sync.WaitGroup
}

// Handlers are what a Listener calls.
type Handlers struct {
	// Control, if there is one, sets options of the socket before it is bound.
	Control func(network, address string, raw syscall.RawConn) error
	// Handle accepts or refuses a request, in a goroutine of its own.
	Handle func(*Request)
	// Fault is told of a panic of the library's over what somebody sent, which ends nothing but that.
	Fault func(panicked any)
}

// Listen opens a port.
func Listen(addr string, c Config, h Handlers) (*Listener, error) {
	g := c.library()
	g.ListenerControl = h.Control
	inner, err := gosrt.Listen("srt", addr, g)
	if err != nil {
		return nil, err
	}
	l := &Listener{config: c, inner: inner}
	l.tasks.Go(func() {
		for {
			request, err := l.next(h.Fault)
			if err != nil {
				return
			}
			if request != nil {
				l.tasks.Go(func() { h.Handle(&Request{config: &l.config, inner: request}) })
			}
		}
	})
	return l, nil
}

// next waits for a request. The library reads it here, in the caller's goroutine, and panics over some that are cut short:
// then there is none.
func (l *Listener) next(fault func(any)) (request gosrt.ConnRequest, err error) {
	defer func() {
		if p := recover(); p != nil {
			request, err = nil, nil
			fault(p)
		}
	}()
	return l.inner.Accept2()
}

// Addr is the address that is listened on.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Close ends every connection, and waits for what handles them.
func (l *Listener) Close() {
	l.inner.Close()
	l.tasks.Wait()
}

// Request is a client's wish to connect. It waits for an answer.
type Request struct {
	config *Config
	inner  gosrt.ConnRequest
}

// Remote is the client's address.
func (r *Request) Remote() string { return r.inner.RemoteAddr().String() }

// Resource is what the client asks for.
func (r *Request) Resource() (Resource, error) {
	id := r.inner.StreamId()
	if id == "" {
		id = r.config.DefaultStreamID
	}
	return ParseStreamID(id, r.config.DefaultApp)
}

// Admit holds the client to the passphrase.
func (r *Request) Admit() (Reason, error) {
	switch secret := r.config.Passphrase; {
	case secret == "" && r.inner.IsEncrypted():
		return Unsecure, ErrSecure
	case secret == "":
		return 0, nil
	case !r.inner.IsEncrypted():
		return Unsecure, ErrUnsecure
	case r.inner.SetPassphrase(secret) != nil:
		return BadSecret, ErrPassphrase
	}
	return 0, nil
}

// Refuse answers no.
func (r *Request) Refuse(why Reason) { r.inner.Reject(gosrt.RejectionReason(why)) }

// ErrPacketSize says that the client takes no packets that a transport stream fits into.
var ErrPacketSize = errors.New("srt: the client's packets are too small for a transport stream")

// packetSize is the MSS that was agreed on. The library keeps it to itself, and takes whatever the client says: from less than
// its headers it computes a payload of 4 GB, which it allocates when the request is accepted.
func (r *Request) packetSize() uint64 {
	request := reflect.Indirect(reflect.ValueOf(r.inner))
	if request.Kind() != reflect.Struct {
		return 0
	}
	config := request.FieldByName("config")
	if config.Kind() != reflect.Struct || config.FieldByName("MSS").Kind() != reflect.Uint32 {
		return 0
	}
	return config.FieldByName("MSS").Uint()
}

// Accept answers yes.
func (r *Request) Accept() (*Conn, error) {
	if r.packetSize() < headers+packetUnit {
		r.inner.Reject(gosrt.REJ_ROGUE)
		return nil, ErrPacketSize
	}
	inner, err := r.inner.Accept()
	if err != nil {
		return nil, fmt.Errorf("srt: %w", err)
	}
	return newConn(inner, r.config.payload(), mostHeld), nil
}
