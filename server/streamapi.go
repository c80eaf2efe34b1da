package server

import (
	"maps"
	"slices"
	"time"

	"oneport/api"
	"oneport/media"
	"oneport/stream"
)

// carried is what the clients of a stream say of it.
type carried struct {
	clients   int
	sent      uint64
	received  uint64
	publisher string // its id
	tcURL     string // of the publisher
}

func (s *Server) describeStreams() []api.Stream {
	s.retiring.RLock() // so that what a viewer was sent is found once, with it or with the stream
	defer s.retiring.RUnlock()
	by := make(map[stream.Name]carried)
	for _, client := range s.clients() {
		i := client.who()
		received, sent := client.bytes()
		c := by[i.name]
		c.clients++
		switch _, byHLS := client.(*hlsViewer); {
		case i.publish:
			c.publisher, c.tcURL, c.received = i.id, i.tcURL, received
		case !byHLS: // whose the stream has counted
			c.sent += sent
		}
		by[i.name] = c
	}
	list := []api.Stream{}
	for _, vhost := range slices.Sorted(maps.Keys(s.hubs)) {
		for _, info := range s.hubs[vhost].Streams() {
			list = append(list, s.describeStream(vhost, info, by[info.Name]))
		}
	}
	return list
}

func (s *Server) describeStream(vhost string, info stream.Info, c carried) api.Stream {
	st := api.Stream{
		ID: info.ID, Name: info.Name.Stream, Vhost: s.vhostIDs[vhost], App: info.Name.App, URL: info.Name.String(),
		TCURL: firstOf(c.tcURL, "webrtc://"+vhost+"/"+info.Name.App), Clients: c.clients, SendBytes: c.sent + info.Sent,
	}
	if info.Live {
		st.LiveMS = info.Since.UnixMilli()
		st.Publish.Active = true
		st.Publish.CID = c.publisher
	}
	if info.Framed {
		st.RecvBytes = c.received
		describeFrames(&st, &info)
	} else {
		describeLanes(&st, &info)
	}
	st.Kbps = s.rates.kbps(time.Now(), info.ID, amount{info.Since, st.RecvBytes}, amount{info.Made, st.SendBytes})
	return st
}

// describeLanes says what a publisher of packets sends.
func describeLanes(st *api.Stream, info *stream.Info) {
	for k := range info.Lanes {
		l := &info.Lanes[k]
		st.RecvBytes += l.Bytes
		switch f := l.Format; {
		case f.Codec == 0:
		case media.Kind(k) == media.Video:
			st.Frames = l.Frames
			profile, level := f.ProfileLevel()
			st.Video = &api.Video{Codec: f.Codec.String(), Profile: profile, Level: level, Width: info.Width, Height: info.Height}
		default:
			st.Audio = &api.Audio{Codec: f.Codec.String(), SampleRate: f.ClockRate, Channel: f.Channels}
		}
	}
}

// describeFrames says what a publisher of frames sends.
func describeFrames(st *api.Stream, info *stream.Info) {
	st.Frames = info.Frames.Frames[media.Video]
	if f := info.Formats[media.Video]; f != nil {
		profile, level := f.ProfileLevel()
		st.Video = &api.Video{Codec: f.Codec.String(), Profile: profile, Level: level, Width: f.Width, Height: f.Height}
	}
	if f := info.Formats[media.Audio]; f != nil {
		profile, _ := f.ProfileLevel()
		st.Audio = &api.Audio{Codec: f.Codec.String(), SampleRate: uint32(f.SampleRate), Channel: uint8(f.Channels), Profile: profile}
	}
}
