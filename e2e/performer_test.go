package e2e

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// A performance is how a clip is published by WebRTC, and what happens to it on its way.
type performance struct {
	network string
	silent  time.Duration // for which there are no sender reports
	skew    time.Duration // by which the reports say that sound was captured later than it is sent
	loss    float64       // of packets
	late    float64       // of packets, which arrive behind the next
	resends bool          // what is asked for again
}

// Both clocks wrap while a clip is played.
const (
	soundBase   = 1<<32 - 2*48000
	pictureBase = 1<<32 - 3*90000
)

// perform publishes a clip in real time, each packet when its timestamp says, and ends the session.
func perform(t *testing.T, s *server, stream string, c *clip, how performance) {
	t.Helper()
	video, sound := h264(), opus()
	p := publishPion(t, s, stream, pionOptions{network: how.network, codecs: []*codec{video, sound}, interceptors: how.interceptors(t)})
	for _, sender := range p.pc.GetSenders() {
		go drain(sender)
	}
	began := time.Now()
	var payloader codecs.H264Payloader
	var seqs [2]uint16
	send := func(c *codec, seq *uint16, ts uint32, payloads ...[]byte) {
		for i, payload := range payloads {
			header := rtp.Header{Version: 2, SequenceNumber: *seq, Timestamp: ts, Marker: c == video && i == len(payloads)-1}
			must(t, p.tracks[c].WriteRTP(&rtp.Packet{Header: header, Payload: payload}))
			*seq++
		}
	}
	for at := time.Duration(0); at < time.Duration(len(c.pictures))*pictureStep; at += soundStep {
		time.Sleep(time.Until(began.Add(at)))
		if at >= how.silent && at%(25*soundStep) == 0 {
			p.report(sound, began.Add(at+how.skew), soundBase+ticksOf(at, 48000))
			p.report(video, began.Add(at), pictureBase+ticksOf(at, 90000))
		}
		send(sound, &seqs[0], soundBase+ticksOf(at, 48000), c.sounds[at/soundStep])
		if at%pictureStep == 0 {
			send(video, &seqs[1], pictureBase+ticksOf(at, 90000), payloader.Payload(1100, c.pictures[at/pictureStep])...)
		}
	}
	leave(t, s, p)
}

func ticksOf(at time.Duration, rate int64) uint32 {
	return uint32(int64(at) * rate / int64(time.Second))
}

// report sends a sender report of a track.
func (p *pion) report(c *codec, at time.Time, ts uint32) {
	p.t.Helper()
	for _, sender := range p.pc.GetSenders() {
		if sender.Track() != p.tracks[c] {
			continue
		}
		must(p.t, p.pc.WriteRTCP([]rtcp.Packet{&rtcp.SenderReport{
			SSRC: uint32(sender.GetParameters().Encodings[0].SSRC), NTPTime: ntp(at), RTPTime: ts}}))
	}
}

// drain lets pion see what a track's receiver says.
func drain(sender *webrtc.RTPSender) {
	b := make([]byte, 1500)
	for {
		if _, _, err := sender.Read(b); err != nil {
			return
		}
	}
}

// interceptors lose packets below what answers requests for them.
func (how performance) interceptors(t testing.TB) *interceptor.Registry {
	t.Helper()
	r := &interceptor.Registry{}
	if how.loss > 0 || how.late > 0 {
		r.Add(&network{loss: how.loss, late: how.late})
	}
	if how.resends {
		responder, err := nack.NewResponderInterceptor()
		must(t, err)
		r.Add(responder)
	}
	return r
}

// network is one that loses packets, and that brings some of them behind the next: behind several where those are late, too.
type network struct {
	interceptor.NoOp
	loss, late float64
}

func (n *network) NewInterceptor(string) (interceptor.Interceptor, error) { return n, nil }

func (n *network) BindLocalStream(_ *interceptor.StreamInfo, w interceptor.RTPWriter) interceptor.RTPWriter {
	type packet struct {
		header  rtp.Header
		payload []byte
	}
	var mu sync.Mutex
	var late []packet
	chance := rand.New(rand.NewPCG(3, 5))
	return interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		switch at := chance.Float64(); {
		case at < n.loss:
			return len(payload), nil
		case at < n.loss+n.late:
			late = append(late, packet{h.Clone(), append([]byte(nil), payload...)})
			return len(payload), nil
		}
		size, err := w.Write(h, payload, a)
		for _, p := range late {
			if err == nil {
				_, err = w.Write(&p.header, p.payload, a)
			}
		}
		late = late[:0]
		return size, err
	})
}
