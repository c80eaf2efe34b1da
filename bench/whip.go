package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// resource is a session as WHIP and WHEP see it: an answer, and a place to DELETE.
type resource struct {
	answer   []byte
	location string // "": the server named none
	etag     string
}

// post sends an offer (RFC 9725 §4.2).
func post(ctx context.Context, client *http.Client, to, bearer, offer string) (*resource, error) {
	const most = 256 << 10
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(offer))
	if err != nil {
		return nil, fmt.Errorf("post: %w", err)
	}
	req.Header.Set("Content-Type", "application/sdp")
	authorize(req, bearer)
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("post: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return nil, fmt.Errorf("post: reading the answer: %w", err)
	}
	// 201 is the standard's; some servers say 200.
	if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("post: the server says %s: %s", res.Status, firstLine(body))
	}
	r := &resource{answer: body, etag: res.Header.Get("ETag")}
	if location := res.Header.Get("Location"); location != "" {
		at, err := res.Request.URL.Parse(location)
		if err != nil {
			return nil, fmt.Errorf("post: Location: %w", err)
		}
		r.location = at.String()
	}
	return r, nil
}

// remove ends a session.
func (r *resource) remove(ctx context.Context, client *http.Client, bearer string) error {
	if r.location == "" {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, r.location, nil)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	authorize(req, bearer)
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("delete: the server says %s", res.Status)
	}
	return nil
}

func authorize(req *http.Request, bearer string) {
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
}

// newHTTP makes a client that leaves nothing open behind a request: each viewer comes on a connection of its own, as from afar.
func newHTTP() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	return &http.Client{Transport: transport}
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	return string(line[:min(len(line), 200)])
}
