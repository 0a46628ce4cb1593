package hubspot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/duolog/duolog/adapters"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// reply is an answer of HubSpot's in 2xx.
type reply struct {
	body  []byte
	begun time.Time // when the request began
}

// call makes one request, within the limits, and returns its answer; an *adapters.Error when it is not 2xx.
func (c *Client) call(ctx context.Context, b *bucket, method, path string, body any) (reply, error) {
	if err := b.wait(ctx); err != nil {
		return reply{}, unsent(err)
	}
	token, err := c.tokens.get(ctx)
	if err != nil {
		return reply{}, unsent(err)
	}
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if adapters.Late(ctx) {
		return reply{}, &adapters.Error{
			Class: adapters.Retry, Detail: "hubspot was not asked: the deadline had passed", Unsent: true,
		}
	}
	begun := c.cfg.Clock()
	status, header, answer, err := c.send(req)
	if err != nil {
		return reply{}, err
	}
	b.adapt(header)
	if status/100 != 2 {
		return reply{}, c.failed(token, b, status, header, answer)
	}
	return reply{answer, begun}, nil
}

func (c *Client) failed(token string, b *bucket, status int, header http.Header, answer []byte) error {
	f := classify(status, header, answer)
	switch {
	case status == http.StatusTooManyRequests:
		b.drain()
	case status == http.StatusUnauthorized && c.tokens.forget(token):
		// A token that ran out before its time: the next call gets a new one.
		f.cause.Class = adapters.Retry
	}
	return f
}

func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, &adapters.Error{Class: adapters.Rejected, Detail: "hubspot: the request cannot be encoded"}
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.cfg.BaseURL+path, content)
	if err != nil {
		return nil, &adapters.Error{Class: adapters.Rejected, Detail: "hubspot: the request cannot be built"}
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// send makes the request and reads the whole answer.
func (c *Client) send(req *http.Request) (int, http.Header, []byte, error) {
	res, err := c.cfg.HTTPClient.Do(req)
	if err != nil {
		return 0, nil, nil, unanswered(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(answer) > maxAnswer {
		return 0, nil, nil, &adapters.Error{
			Class: adapters.Retry, Status: res.StatusCode, Detail: "hubspot: the answer broke off",
		}
	}
	return res.StatusCode, res.Header, answer, nil
}

// unanswered is a request without an answer: whether it happened is not known. The URL stays out of the text.
func unanswered(err error) *adapters.Error {
	e := &adapters.Error{Class: adapters.Retry, Detail: "hubspot gave no answer"}
	var u *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &u) && u.Timeout():
		e.Detail = "hubspot gave no answer in time"
	case errors.As(err, &u) && !errors.Is(err, context.Canceled):
		e.Detail += ": " + u.Err.Error()
	}
	return e
}

// fetch calls and decodes the answer into v.
func (c *Client) fetch(ctx context.Context, b *bucket, method, path string, body, v any) (time.Time, error) {
	r, err := c.call(ctx, b, method, path, body)
	if err != nil {
		return time.Time{}, err
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		return time.Time{}, unreadable()
	}
	return r.begun, nil
}

// unreadable is a 2xx answer that is not what was expected: a page of a proxy, say.
func unreadable() *adapters.Error {
	return &adapters.Error{Class: adapters.Retry, Status: http.StatusOK, Detail: "hubspot's answer cannot be read"}
}
