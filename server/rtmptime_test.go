package server

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"oneport/port"
)

// piped is a client's end of a connection that the server serves as RTMP; done tells when it has ended.
func piped(s *Server) (client net.Conn, done chan struct{}) {
	client, served := net.Pipe()
	done = make(chan struct{})
	go func() {
		s.serveRTMP(&port.Conn{Conn: served})
		close(done)
	}()
	return client, done
}

// rtmpHello is the handshake of a client, and a connect to the application live.
func rtmpHello() []byte {
	return append(append([]byte{3}, make([]byte, 3072)...), says("connect", 1.0, amf0.Object{{Key: "app", Value: "live"}})...)
}

// says is a command.
func says(values ...any) []byte {
	body, err := amf0.Data(values).Marshal()
	if err != nil {
		panic(err) // it is the test's own
	}
	return chunk(20, body)
}

// chunk is a message of one chunk.
func chunk(typ byte, body []byte) []byte {
	return append([]byte{3, 0, 0, 0, 0, 0, byte(len(body)), typ, 1, 0, 0, 0}, body...)
}

func request(name, stream string) []byte { return says(name, 2.0, nil, stream) }

// A client has 10 s until it publishes or plays, however busily it says nothing; a publisher 20 s to begin with.
func TestRTMPDeadlines(t *testing.T) {
	c := bubbled(t, "")
	for name, test := range map[string]struct {
		says []byte
		drip bool
		want time.Duration
	}{
		"nothing behind the beginning":       {[]byte{3, 0, 0}, false, requestDeadline},
		"a handshake, byte by byte":          {[]byte{3}, true, requestDeadline},
		"no wish":                            {rtmpHello(), false, requestDeadline},
		"publishing and then nothing":        {append(rtmpHello(), request("publish", "x")...), false, 20 * time.Second},
		"publishing and then half a message": {append(append(rtmpHello(), request("publish", "x")...), chunk(9, make([]byte, 100))[:50]...), false, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := offline(t, c)
				began := time.Now()
				client, done := piped(s)
				go io.Copy(io.Discard, client)
				client.Write(test.says)
				if test.drip {
					go func() {
						for {
							select {
							case <-done:
								return
							case <-time.After(time.Second):
								client.Write([]byte{0})
							}
						}
					}()
				}
				<-done
				if took := time.Since(began).Round(time.Second); took != test.want {
					t.Errorf("it took %v, not %v", took, test.want)
				}
				client.Close()
				synctest.Wait()
				nothingLeft(t, s)
			})
		})
	}
}

// A player that takes nothing is given up after 30 s.
func TestRTMPDeafPlayer(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		i, err := s.publishFrames(livestream, origin{kind: "srt-publish"})
		if err != nil {
			t.Fatal(err)
		}
		client, done := piped(s)
		go client.Write(append(rtmpHello(), request("play", "livestream")...))
		io.ReadFull(client, make([]byte, 3073+300)) // the handshake, and some of what follows
		feed(t, i, 10)
		began := time.Now()
		<-done
		if took := time.Since(began); took < writePatience || took > writePatience+2*time.Second {
			t.Errorf("it took %v", took)
		}
		client.Close()
		i.end(errKicked)
		synctest.Wait()
		nothingLeft(t, s)
	})
}
