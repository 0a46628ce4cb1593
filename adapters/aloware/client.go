package aloware

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
)

const (
	formsPath  = "/api/v1/webhook/forms"
	lookupPath = "/api/v1/webhook/contact/phone-number"
	usersPath  = "/api/v1/webhook/users"

	maxAnswer = 8 << 20 // bytes
)

// reply is an answer that is JSON, with a status of 2xx or one of the 4xx that are about the request itself.
type reply struct {
	status int
	body   []byte
	began  time.Time // when the request went out
}

// call is one request: its words name it in errors, private are the values of it that no error may hold.
type call struct {
	words   string
	method  string
	path    string
	query   url.Values
	body    []byte
	private []string
}

func (c *Client) get(ctx context.Context, words, path string, params map[string]string) (reply, error) {
	in := call{words: words, method: http.MethodGet, path: path, query: url.Values{"api_token": {c.token}}}
	for k, v := range params {
		in.query.Set(k, v)
		in.private = append(in.private, v)
	}
	return c.do(ctx, in)
}

func (c *Client) post(ctx context.Context, words, path string, values map[string]json.RawMessage) (reply, error) {
	body, err := json.Marshal(values)
	if err != nil {
		return reply{}, rejected("%s: a value is not JSON", words)
	}
	return c.do(ctx, call{words: words, method: http.MethodPost, path: path, body: body})
}

// do waits for its turn, sends, and keeps every failure that is not about the contact from the caller: what comes
// back without an error is JSON.
func (c *Client) do(ctx context.Context, in call) (reply, error) {
	release, err := c.turn(ctx, in.words)
	if err != nil {
		return reply{}, err
	}
	defer release()
	req, err := c.request(ctx, in)
	if err != nil {
		return reply{}, rejected("%s: the request could not be made", in.words)
	}
	if adapters.Late(ctx) {
		return reply{}, notSent(in.words)
	}
	began := c.clock()
	resp, err := c.http.Do(req)
	if err != nil {
		return reply{}, c.transport(in, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return reply{}, c.transport(in, err)
	}
	return reply{status: resp.StatusCode, body: body, began: began}, c.check(in, resp, body)
}

// turn takes a slot and a token of the bucket. Nothing has been sent when it fails. A request that is urgent waits for
// neither: those after it do, for longer.
func (c *Client) turn(ctx context.Context, words string) (release func(), err error) {
	if adapters.IsUrgent(ctx) {
		c.limit.Reserve()
		return func() {}, nil
	}
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, notSent(words)
	}
	if err := c.limit.Wait(ctx); err != nil {
		<-c.slots
		if ctx.Err() != nil {
			return nil, notSent(words)
		}
		return nil, throttled(words+": not sent, our own limit leaves no room before the deadline", time.Second, 0)
	}
	return func() { <-c.slots }, nil
}

func (c *Client) request(ctx context.Context, in call) (*http.Request, error) {
	address := c.base + in.path
	if len(in.query) > 0 {
		address += "?" + in.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, in.method, address, bytes.NewReader(in.body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "duolog")
	if in.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// isJSON tells an answer of the API from the web page unknown paths answer with, which has status 200 too.
func isJSON(h http.Header, body []byte) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || (kind != "application/json" && !strings.HasSuffix(kind, "+json")) {
		return false
	}
	return len(body) <= maxAnswer && json.Valid(body)
}
