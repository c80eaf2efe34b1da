package bench

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// sfu is a WHIP and WHEP server made of an independent implementation of WebRTC, for one stream.
type sfu struct {
	*httptest.Server
	api     *webrtc.API
	tracks  [2]*webrtc.TrackLocalStaticRTP // audio, video
	ssrc    atomic.Uint32                  // of the publisher's video
	deleted chan string
	reports chan rtcp.Packet // what viewers send
	refuse  atomic.Bool

	mu    sync.Mutex
	peers map[string]*webrtc.PeerConnection
}

// newSFU starts a server; active makes it the DTLS client, lite an ICE-lite one.
func newSFU(t *testing.T, active, lite bool) *sfu {
	t.Helper()
	s := &sfu{deleted: make(chan string, 16), reports: make(chan rtcp.Packet, 1024), peers: make(map[string]*webrtc.PeerConnection)}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	quiet := &logging.DefaultLoggerFactory{Writer: io.Discard}
	tcp := webrtc.NewICETCPMux(quiet.NewLogger("tcp"), listener, 64)
	udp := webrtc.NewICEUDPMux(quiet.NewLogger("udp"), socket)
	e := webrtc.SettingEngine{LoggerFactory: quiet}
	e.SetICETCPMux(tcp)
	e.SetICEUDPMux(udp)
	e.SetIncludeLoopbackCandidate(true)
	e.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeUDP4})
	e.SetLite(lite)
	role := webrtc.DTLSRoleServer
	if active {
		role = webrtc.DTLSRoleClient
	}
	if err := e.SetAnsweringDTLSRole(role); err != nil {
		t.Fatal(err)
	}
	m := new(webrtc.MediaEngine)
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	s.api = webrtc.NewAPI(webrtc.WithSettingEngine(e), webrtc.WithMediaEngine(m))
	for i, mime := range []string{webrtc.MimeTypeOpus, webrtc.MimeTypeH264} {
		codec := webrtc.RTPCodecCapability{MimeType: mime}
		if s.tracks[i], err = webrtc.NewTrackLocalStaticRTP(codec, mime, "sfu"); err != nil {
			t.Fatal(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /whip", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, s.acceptPublisher) })
	mux.HandleFunc("POST /whep", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, s.acceptViewer) })
	mux.HandleFunc("DELETE /session/{ufrag}", s.remove)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, pc := range s.peers {
			pc.GracefulClose()
		}
		tcp.Close()
		udp.Close()
		socket.Close()
	})
	return s
}

func (s *sfu) whip() string { return s.URL + "/whip" }
func (s *sfu) whep() string { return s.URL + "/whep" }

func (s *sfu) serve(w http.ResponseWriter, r *http.Request, accept func(*webrtc.PeerConnection) error) {
	if s.refuse.Load() {
		http.Error(w, "no such stream\nand more", http.StatusNotFound)
		return
	}
	ufrag, answer, err := s.answer(r, accept)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", "/session/"+ufrag)
	w.WriteHeader(http.StatusCreated)
	io.WriteString(w, answer)
}

func (s *sfu) answer(r *http.Request, accept func(*webrtc.PeerConnection) error) (ufrag, text string, err error) {
	offer, err := io.ReadAll(r.Body)
	if err != nil {
		return "", "", err
	}
	pc, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return "", "", err
	}
	_, after, _ := strings.Cut(string(offer), "a=ice-ufrag:")
	ufrag, _, _ = strings.Cut(after, "\r\n")
	s.mu.Lock()
	s.peers[ufrag] = pc
	s.mu.Unlock()
	if err := accept(pc); err != nil {
		return "", "", err
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(offer)}); err != nil {
		return "", "", err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(answer); err != nil {
		return "", "", err
	}
	select {
	case <-gathered:
		return ufrag, pc.LocalDescription().SDP, nil
	case <-r.Context().Done():
		return "", "", context.Cause(r.Context())
	}
}

// acceptPublisher forwards what comes to the tracks of the viewers.
func (s *sfu) acceptPublisher(pc *webrtc.PeerConnection) error {
	pc.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		local := s.tracks[0]
		if remote.Kind() == webrtc.RTPCodecTypeVideo {
			local = s.tracks[1]
			s.ssrc.Store(uint32(remote.SSRC()))
			_ = pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(remote.SSRC())}})
		}
		for {
			packet, _, err := remote.ReadRTP()
			if err != nil {
				return
			}
			packet.Header.Extension, packet.Header.Extensions = false, nil
			if err := local.WriteRTP(&rtp.Packet{Header: packet.Header, Payload: packet.Payload}); err != nil && !errors.Is(err, io.ErrClosedPipe) {
				return
			}
		}
	})
	return nil
}

func (s *sfu) acceptViewer(pc *webrtc.PeerConnection) error {
	for _, track := range s.tracks {
		sender, err := pc.AddTrack(track)
		if err != nil {
			return err
		}
		go func() {
			for {
				packets, _, err := sender.ReadRTCP()
				if err != nil {
					return
				}
				for _, p := range packets {
					select {
					case s.reports <- p:
					default:
					}
				}
			}
		}()
	}
	return nil
}

func (s *sfu) remove(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	pc := s.peers[r.PathValue("ufrag")]
	delete(s.peers, r.PathValue("ufrag"))
	s.mu.Unlock()
	if pc != nil {
		_ = pc.GracefulClose() // with a close_notify
	}
	select {
	case s.deleted <- r.PathValue("ufrag"):
	default:
	}
	w.WriteHeader(http.StatusOK)
}
