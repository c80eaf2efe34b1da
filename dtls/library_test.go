package dtls

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/protocol/extension"
	message "github.com/pion/dtls/v3/pkg/protocol/handshake"
)

// outsider is a client of the library itself, without anything of ours but the pipe.
type outsider struct {
	conn *dtls.Conn
	pipe *pipe

	mu  sync.Mutex
	out [][]byte
}

// srtp is the option that makes an outsider ask for SRTP.
var srtp = dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM)

func newOutsider(t *testing.T, options ...dtls.ClientOption) *outsider {
	t.Helper()
	o := &outsider{}
	o.pipe = newPipe(func(b []byte) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.out = append(o.out, b)
	})
	options = append([]dtls.ClientOption{
		dtls.WithInsecureSkipVerify(true), dtls.WithFlightInterval(100 * time.Millisecond),
	}, options...)
	conn, err := dtls.ClientWithOptions(o.pipe, addr{}, options...)
	if err != nil {
		t.Fatal(err)
	}
	o.conn = conn
	return o
}

func (o *outsider) outgoing() [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := o.out
	o.out = nil
	return out
}

// handshake runs the library's handshake against a server; backwards turns the order of each burst round.
func (o *outsider) handshake(server *Conn, backwards bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- o.conn.HandshakeContext(ctx) }()
	for {
		select {
		case err := <-result:
			o.carry(server, backwards)
			return err
		case <-time.After(time.Millisecond):
			o.carry(server, backwards)
		}
	}
}

func (o *outsider) carry(server *Conn, backwards bool) {
	burst := o.outgoing()
	for i := range burst {
		if backwards {
			i = len(burst) - 1 - i
		}
		server.Receive(burst[i])
	}
	for _, b := range server.Outgoing() {
		o.pipe.in <- b
	}
}

// keyShare is the extension that makes the hellos of browsers longer than a datagram (RFC 8446 section 4.2.8):
// shares for X25519MLKEM768 and X25519.
type keyShare struct{}

func (keyShare) TypeValue() extension.TypeValue { return 51 }
func (keyShare) Unmarshal([]byte) error         { return nil }
func (keyShare) Marshal() ([]byte, error) {
	shares := append([]byte{0x11, 0xec, 1216 >> 8, 1216 & 0xff}, make([]byte, 1216)...)
	shares = append(shares, 0, 29, 0, 32)
	shares = append(shares, make([]byte, 32)...)
	b := []byte{0, 51}
	b = binary.BigEndian.AppendUint16(b, uint16(len(shares)+2))
	b = binary.BigEndian.AppendUint16(b, uint16(len(shares)))
	return append(b, shares...), nil
}

func TestLargeHelloInFragments(t *testing.T) {
	for name, backwards := range map[string]bool{"in order": false, "backwards": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sc, cc := configs(t)
				server, unused := associate(t, sc, cc)
				unused.Destroy()
				hellos := 0
				o := newOutsider(t, dtls.WithCertificates(cc.Certificate.tls), srtp, dtls.WithMTU(800),
					dtls.WithClientHelloMessageHook(func(m message.MessageClientHello) message.Message {
						hellos++
						m.Extensions = append(m.Extensions, keyShare{})
						return &m
					}))
				if err := o.handshake(server, backwards); err != nil {
					t.Fatal(err)
				}
				server.Wait()
				expectState(t, "server", server, Connected)
				if hellos == 0 {
					t.Fatal("the hello was not enlarged")
				}
				server.Close()
				o.carry(server, false)
				if n, err := o.conn.Read(make([]byte, 100)); !errors.Is(err, io.EOF) {
					t.Fatalf("the library reads %d bytes (%v) after our close_notify", n, err)
				}
			})
		})
	}
}

func TestLibraryClosesAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc, cc := configs(t)
		server, unused := associate(t, sc, cc)
		unused.Destroy()
		o := newOutsider(t, dtls.WithCertificates(cc.Certificate.tls), srtp)
		if err := o.handshake(server, false); err != nil {
			t.Fatal(err)
		}
		server.Wait()
		if err := o.conn.Close(); err != nil {
			t.Fatal(err)
		}
		o.carry(server, false)
		expectState(t, "server", server, Closed)
		if !errors.Is(server.Err(), ErrPeerClosed) {
			t.Fatalf("server says %v", server.Err())
		}
	})
}

func TestOutsidersThatAreRefused(t *testing.T) {
	t.Run("no certificate", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server, unused := ends(t)
			unused.Destroy()
			o := newOutsider(t, srtp)
			if err := o.handshake(server, false); err == nil {
				t.Fatal("the client thinks that it is connected")
			}
			server.Wait()
			expectState(t, "server", server, Failed)
			if !strings.Contains(server.Err().Error(), "required client verification") {
				t.Fatalf("server says %v", server.Err())
			}
		})
	})
	t.Run("no SRTP", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sc, cc := configs(t)
			server, unused := associate(t, sc, cc)
			unused.Destroy()
			o := newOutsider(t, dtls.WithCertificates(cc.Certificate.tls))
			if err := o.handshake(server, false); err != nil {
				t.Fatal(err)
			}
			server.Wait()
			expectState(t, "server", server, Failed)
			if !errors.Is(server.Err(), ErrNoSRTP) {
				t.Fatalf("server says %v", server.Err())
			}
			o.conn.Close()
		})
	})
}
