package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestPostAndDelete(t *testing.T) {
	for _, test := range []struct {
		name     string
		status   int
		location string
		want     string // the resource, relative to the server
		err      string
	}{
		{"created, absolute path", 201, "/session/1?x=y", "/session/1?x=y", ""},
		{"created, relative", 201, "1", "/a/1", ""},
		{"old servers say OK", 200, "/session/1", "/session/1", ""},
		{"no Location", 201, "", "", ""},
		{"broken Location", 201, "http://[", "", "Location"},
		{"unauthorised", 401, "", "", "the server says 401 Unauthorized: first line"},
		{"no content", 204, "", "", "204"},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests := make(chan string, 2)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				requests <- fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("Content-Type"), " ", r.Header.Get("Authorization"), " ", string(body))
				w.Header().Set("Location", test.location)
				w.Header().Set("ETag", `"7"`)
				w.WriteHeader(test.status)
				if test.status != http.StatusNoContent {
					io.WriteString(w, " first line\nsecond")
				}
			}))
			defer server.Close()
			client := newHTTP()
			r, err := post(t.Context(), client, server.URL+"/a/whip?k=v", "secret", "the offer")
			if got, want := <-requests, "POST /a/whip?k=v application/sdp Bearer secret the offer"; got != want {
				t.Errorf("request %q, want %q", got, want)
			}
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q in it", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := test.want; strings.TrimPrefix(r.location, server.URL) != want || string(r.answer) != " first line\nsecond" {
				t.Errorf("location %q, want %q; answer %q", r.location, want, r.answer)
			}
			if err := r.remove(t.Context(), client, "secret"); err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				return
			}
			if got, want := <-requests, "DELETE "+test.want+"  Bearer secret "; got != want {
				t.Errorf("request %q, want %q", got, want)
			}
		})
	}
}

func TestReason(t *testing.T) {
	client := newHTTP()
	_, refused := post(t.Context(), client, "http://127.0.0.1:1/", "", "")
	for _, test := range []struct {
		err  error
		want string
	}{
		{refused, "dial tcp: connect: connection refused"},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), "timed out"},
		{fmt.Errorf("x: %w", context.Canceled), "interrupted"},
		{&url.Error{Op: "Post", URL: "http://h/", Err: io.EOF}, "post: EOF"},
		{errors.New("anything else"), "anything else"},
	} {
		if got := reason(test.err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
	if got := commonest(map[string]int{"b": 2, "a": 2, "c": 1}); got != "a" {
		t.Errorf("commonest %q", got)
	}
}
