package server

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"oneport/media"
	"oneport/ts"
)

// lazily is an HTTP client that takes nothing that it does not ask for, but for what small buffers hold.
func lazily(t *testing.T) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			conn.(*net.TCPConn).SetReadBuffer(16 << 10)
		}
		return conn, err
	}}
	return &http.Client{Transport: transport}
}

// lazyBody is a stream by HTTP of which nothing is read yet.
func lazyBody(t *testing.T, url string) io.Reader {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := lazily(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res.Body
}

// lazySocket is one by WebSocket.
func lazySocket(t *testing.T, url string) io.Reader {
	t.Helper()
	ctx := within(t)
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: lazily(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(1 << 20)
	return websocket.NetConn(ctx, conn, websocket.MessageBinary)
}

// framesOfFLV and framesOfTS read the next frame of a stream.
func framesOfFLV(t *testing.T, r io.Reader) func() (*media.Frame, error) {
	return (&flvStream{t: t, r: bufio.NewReader(r)}).frame
}

func framesOfTS(_ *testing.T, r io.Reader) func() (*media.Frame, error) {
	var reader ts.Reader
	var frames []*media.Frame
	return func() (*media.Frame, error) {
		for buf := make([]byte, 188); len(frames) == 0; {
			if _, err := io.ReadFull(r, buf); err != nil {
				return nil, err
			}
			frames = reader.Read(time.Now(), nil, buf)
		}
		f := frames[0]
		frames = frames[1:]
		return f, nil
	}
}

// A viewer that stops reading skips to a keyframe when it reads again. Another one has everything meanwhile.
func TestSlowViewers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind, path string
		open       func(*testing.T, string) io.Reader
		frames     func(*testing.T, io.Reader) func() (*media.Frame, error)
	}{
		{"HTTP-FLV", "/live/x.flv", lazyBody, framesOfFLV},
		{"HTTP-TS", "/live/x.ts", lazyBody, framesOfTS},
		{"ws-FLV", "/live/x.flv", lazySocket, framesOfFLV},
		{"ws-TS", "/live/x.ts", lazySocket, framesOfTS},
	} {
		t.Run(test.kind, func(t *testing.T) {
			t.Parallel()
			s := open(t, configure(t, withFLV("play { queue_length 1; }")))
			video, audio := h264AndAAC(t)
			source := synthesize(t, s, "x", video, audio)
			source.size = 100_000 // 20 Mbit/s, which fills what sockets hold soon
			source.feed(1)
			frame := test.frames(t, test.open(t, base(s)+test.path))
			until(t, "the slow viewer", func() bool { return len(s.viewers.all()) == 1 })
			slow := s.viewers.all()[0].reader
			quick := watch(t, base(s)+"/live/x.flv")
			after := 40 // pictures, until what the slow one should have had is too old
			complete(t, keepingUp(source, quick, func() bool {
				if slow.Stats().Lag > 900*time.Millisecond {
					after--
				}
				return after == 0
			}))
			skips(t, frame)
			if stats := slow.Stats(); stats.Skips == 0 || stats.SkippedFrames == 0 {
				t.Errorf("the skip is not counted: %+v", stats)
			}
		})
	}
}

// keepingUp has a viewer read a stream as it is published, which goes on with a picture when the viewer has the one before: however slow
// everything is, the viewer is never late.
func keepingUp(source *synthetic, v *flvStream, enough func() bool) (frames [media.Kinds][]*media.Frame) {
	v.t.Helper()
	const picture = 40 * time.Millisecond
	pace := time.NewTicker(picture)
	defer pace.Stop()
	for ; !enough(); source.feedFor(picture) {
		newest := source.at - picture
		more := v.readUntil(func(frames [media.Kinds][]*media.Frame) bool {
			last := len(frames[media.Video]) - 1
			return last >= 0 && frames[media.Video][last].DTS >= newest
		})
		for k := range frames {
			frames[k] = append(frames[k], more[k]...)
		}
		<-pace.C
	}
	return frames
}

// complete demands frames without a hole.
func complete(t *testing.T, frames [media.Kinds][]*media.Frame) {
	t.Helper()
	for k, list := range frames {
		for i := 1; i < len(list); i++ {
			if gap := list[i].DTS - list[i-1].DTS; gap > 200*time.Millisecond {
				t.Errorf("the quick viewer misses %v of %v", gap, media.Kind(k))
			}
		}
	}
}

// skips reads pictures up to the first hole among them, behind which there has to be a keyframe.
func skips(t *testing.T, frame func() (*media.Frame, error)) {
	t.Helper()
	for last := time.Duration(0); ; {
		f, err := frame()
		if err != nil {
			t.Fatal(err)
		}
		if f.Kind() != media.Video {
			continue
		}
		if f.DTS-last > 500*time.Millisecond {
			if !f.Key {
				t.Error("it goes on with no keyframe")
			}
			return
		}
		last = f.DTS
	}
}
