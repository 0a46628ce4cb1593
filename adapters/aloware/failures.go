package aloware

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/domain"
)

const (
	defaultPause = 2 * time.Second
	minPause     = time.Second
	maxPause     = time.Hour
)

func rejected(format string, args ...any) *adapters.Error {
	return &adapters.Error{
		Class: adapters.Rejected, Reason: domain.ReasonInvalid, Detail: fmt.Sprintf("aloware: "+format, args...),
	}
}

func retry(status int, format string, args ...any) *adapters.Error {
	return &adapters.Error{Class: adapters.Retry, Detail: fmt.Sprintf("aloware: "+format, args...), Status: status}
}

func throttled(detail string, after time.Duration, status int) *adapters.Error {
	return unsent(&adapters.Error{Class: adapters.Throttled, Detail: "aloware: " + detail, After: after, Status: status})
}

// unsent says of a failure that what was to be written has not arrived.
func unsent(err *adapters.Error) *adapters.Error {
	err.Unsent = true
	return err
}

func notSent(words string) *adapters.Error {
	return unsent(retry(0, "%s: not sent, the deadline passed while it waited for its turn", words))
}

// transport describes a request without an answer. Whether it arrived is unknown. The address of the request, which
// holds the token and the phone, is left out.
func (c *Client) transport(in call, err error) *adapters.Error {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return retry(0, "%s: cancelled before it was answered", in.words)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return retry(0, "%s: no answer in time", in.words)
	}
	var addressed *url.Error
	if errors.As(err, &addressed) {
		err = addressed.Err
	}
	return retry(0, "%s: no answer: %s", in.words, c.redact(err.Error(), in.private))
}

// redact blanks the token and the private values, as they are and as they stand in an address.
func (c *Client) redact(text string, private []string) string {
	for _, secret := range append([]string{c.token, c.bearer, c.basic}, private...) {
		if secret == "" {
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			text = strings.ReplaceAll(text, form, "…")
		}
	}
	return text
}

// check turns an answer that is not about the contact into an error: credentials, limits, trouble, web pages.
func (c *Client) check(in call, resp *http.Response, body []byte) error {
	status := resp.StatusCode
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &adapters.Error{
			Class: adapters.Unauthorized, Status: status, Unsent: true,
			Detail: fmt.Sprintf("aloware: %s: the API token is not accepted (status %d): it belongs to an admin user "+
				"and ends with that user", in.words, status),
		}
	case status == http.StatusTooManyRequests:
		return throttled(in.words+": too many requests", pause(resp.Header, c.clock()), status)
	case status >= 500 || status == http.StatusRequestTimeout || status == http.StatusTooEarly:
		return retry(status, "%s: status %d", in.words, status)
	case status >= 300 && status < 400:
		return retry(status, "%s: redirected (status %d): check the base URL", in.words, status)
	case !isJSON(resp.Header, body):
		return retry(status, "%s: status %d with a web page instead of JSON: check the base URL", in.words, status)
	}
	return nil
}

// pause reads Retry-After, seconds or a date.
func pause(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	after := defaultPause
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		after = at.Sub(now)
	}
	return min(max(after, minPause), maxPause)
}
