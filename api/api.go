// Package api is the JSON of the HTTP API, in SRS's shapes.
package api

// Codes of SRS that the API answers with; 0 is success.
const (
	OK              = 0
	BadRequest      = 400
	NoVhost         = 2014
	StreamNotFound  = 2048
	ClientNotFound  = 2049
	RtcSdpDecode    = 5012
	RtcSdpNegotiate = 5018
	RtcStreamBusy   = 5020
	RtcDisabled     = 5021
)

// Envelope is what every reply begins with.
type Envelope struct {
	Code    int    `json:"code"`
	Server  string `json:"server"`
	Service string `json:"service"`
	Pid     string `json:"pid"`
}

// RTCRequest is the body of POST /rtc/v1/publish/ and /rtc/v1/play/.
type RTCRequest struct {
	API       string  `json:"api"`
	TID       string  `json:"tid"`
	StreamURL string  `json:"streamurl"`
	ClientIP  *string `json:"clientip"`
	SDP       string  `json:"sdp"`
}

// RTCReply is its answer.
type RTCReply struct {
	Envelope
	SDP       string `json:"sdp"`
	SessionID string `json:"sessionid"`
}

// Failure is the answer to what went wrong. Reason is ours: SRS gives the code alone.
type Failure struct {
	Code   int    `json:"code"`
	Reason string `json:"reason,omitempty"`
}

// Version is the data of /api/v1/versions.
type Version struct {
	Major    int    `json:"major"`
	Minor    int    `json:"minor"`
	Revision int    `json:"revision"`
	Version  string `json:"version"`
}

// VersionReply answers /api/v1/versions.
type VersionReply struct {
	Envelope
	Data Version `json:"data"`
}

// URLsReply answers /api/ and /api/v1/: what there is below.
type URLsReply struct {
	Envelope
	URLs map[string]string `json:"urls"`
}

// Kbps is a bit rate over the last 30 seconds, in kbit/s.
type Kbps struct {
	Recv int64 `json:"recv_30s"`
	Send int64 `json:"send_30s"`
}

// Publish says whether a stream has a publisher, and which client it is.
type Publish struct {
	Active bool   `json:"active"`
	CID    string `json:"cid,omitempty"`
}

// Video describes a stream's picture.
type Video struct {
	Codec   string `json:"codec"`
	Profile string `json:"profile"`
	Level   string `json:"level"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
}

// Audio describes a stream's sound.
type Audio struct {
	Codec      string `json:"codec"`
	SampleRate uint32 `json:"sample_rate"`
	Channel    uint8  `json:"channel"`
	Profile    string `json:"profile"`
}

// Stream is one item of /api/v1/streams/.
type Stream struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Vhost     string  `json:"vhost"`
	App       string  `json:"app"`
	TCURL     string  `json:"tcUrl"`
	URL       string  `json:"url"`
	LiveMS    int64   `json:"live_ms"`
	Clients   int     `json:"clients"`
	Frames    uint64  `json:"frames"`
	SendBytes uint64  `json:"send_bytes"`
	RecvBytes uint64  `json:"recv_bytes"`
	Kbps      Kbps    `json:"kbps"`
	Publish   Publish `json:"publish"`
	Video     *Video  `json:"video"`
	Audio     *Audio  `json:"audio"`
}

// Client is one item of /api/v1/clients/. The fields from Transport on are ours.
type Client struct {
	ID        string  `json:"id"`
	Vhost     string  `json:"vhost"`
	Stream    string  `json:"stream"`
	IP        string  `json:"ip"`
	PageURL   string  `json:"pageUrl"`
	SwfURL    string  `json:"swfUrl"`
	TCURL     string  `json:"tcUrl"`
	URL       string  `json:"url"`
	Name      string  `json:"name"`
	Type      string  `json:"type"`
	Publish   bool    `json:"publish"`
	Alive     float64 `json:"alive"`
	SendBytes uint64  `json:"send_bytes"`
	RecvBytes uint64  `json:"recv_bytes"`
	Kbps      Kbps    `json:"kbps"`

	Transport string  `json:"transport"` // udp, tcp, or empty without a path
	Local     string  `json:"local"`
	Remote    string  `json:"remote"`
	RTTms     float64 `json:"rtt_ms"` // 0: not known yet
	SRTP      string  `json:"srtp"`
	LagMS     int64   `json:"lag_ms"`
	Skips     uint64  `json:"skips"`
	Skipped   uint64  `json:"skipped_packets"`
	Packets   uint64  `json:"packets"`   // received from a publisher, sent to a viewer
	Lost      uint64  `json:"lost"`      // of a publisher's
	Resent    uint64  `json:"resent"`    // to a viewer
	Withheld  uint64  `json:"withheld"`  // asked for again by a viewer, and not sent
	Oversized uint64  `json:"oversized"` // too large for a viewer's path
	Refused   uint64  `json:"refused"`   // of a kind or a codec that a viewer did not ask for, or too late
	SessionID string  `json:"sessionid"`
}

// StreamsReply and the following answer the lists and their items.
type StreamsReply struct {
	Envelope
	Streams []Stream `json:"streams"`
}

type StreamReply struct {
	Envelope
	Stream Stream `json:"stream"`
}

type ClientsReply struct {
	Envelope
	Clients []Client `json:"clients"`
}

type ClientReply struct {
	Envelope
	Client Client `json:"client"`
}
