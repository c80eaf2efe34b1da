package server

import (
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
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
	by := make(map[stream.Name]carried)
	for _, client := range s.clients() {
		i := client.who()
		received, sent := client.bytes()
		c := by[i.name]
		c.clients++
		if i.publish {
			c.publisher, c.tcURL, c.received = i.id, i.tcURL, received
		} else {
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
		TCURL: firstOf(c.tcURL, "webrtc://"+vhost+"/"+info.Name.App), Clients: c.clients, SendBytes: c.sent,
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
	now, began := time.Now(), info.Since
	if !info.Live {
		began = now
	}
	st.Kbps = s.rates.kbps(now, began, info.ID, st.RecvBytes, c.sent)
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
			st.Video = &api.Video{Codec: f.Codec.String(), Profile: profileName(f), Level: levelName(f), Width: info.Width, Height: info.Height}
		default:
			st.Audio = &api.Audio{Codec: f.Codec.String(), SampleRate: f.ClockRate, Channel: f.Channels}
		}
	}
}

// describeFrames says what a publisher of frames sends.
func describeFrames(st *api.Stream, info *stream.Info) {
	st.Frames = info.Frames.Frames[media.Video]
	if f := info.Formats[media.Video]; f != nil {
		profile, level := frameProfile(f)
		st.Video = &api.Video{Codec: f.Codec.String(), Profile: profile, Level: level, Width: f.Width, Height: f.Height}
	}
	if f := info.Formats[media.Audio]; f != nil {
		profile, _ := frameProfile(f)
		st.Audio = &api.Audio{Codec: f.Codec.String(), SampleRate: uint32(f.SampleRate), Channel: uint8(f.Channels), Profile: profile}
	}
}

// frameProfile reads profile and level from a decoder configuration, which NewFrameFormat has found to be sound.
func frameProfile(f *media.FrameFormat) (profile, level string) {
	c := f.Config
	switch {
	case f.Codec == media.H264 && len(c) >= 4:
		word := media.Format{Codec: media.H264, Profile: hex.EncodeToString(c[1:4])}
		return profileName(word), levelName(word)
	case f.Codec == media.H265 && len(c) >= 13:
		names := [...]string{1: "Main", 2: "Main10", 3: "MainStillPicture", 4: "Rext"}
		if i := int(c[1] & 0x1f); i > 0 && i < len(names) {
			profile = names[i]
		}
		return profile, decimal(int(c[12]) / 3)
	case f.Codec == media.AV1 && len(c) >= 2:
		names := [...]string{"Main", "High", "Professional"}
		if i := int(c[1] >> 5); i < len(names) {
			profile = names[i]
		}
		index := int(c[1] & 0x1f) // seq_level_idx
		return profile, decimal((2+index/4)*10 + index%4)
	case f.Codec == media.AAC && len(c) >= 1:
		names := [...]string{1: "Main", 2: "LC", 5: "HE"}
		if i := int(c[0] >> 3); i < len(names) {
			profile = names[i]
		}
	}
	return profile, ""
}

// decimal writes tenths.
func decimal(tenths int) string { return strconv.FormatFloat(float64(tenths)/10, 'f', -1, 64) }

// profileName and levelName are H264's by name, the profile's number for others.
func profileName(f media.Format) string {
	if f.Codec != media.H264 || len(f.Profile) != 6 {
		return f.Profile
	}
	names := map[string]string{"42": "Baseline", "4d": "Main", "58": "Extended", "64": "High", "f4": "High444"}
	return names[f.Profile[:2]]
}

func levelName(f media.Format) string {
	if f.Codec != media.H264 || len(f.Profile) != 6 {
		return ""
	}
	n, err := strconv.ParseUint(f.Profile[4:], 16, 8)
	if err != nil {
		return ""
	}
	return decimal(int(n))
}
