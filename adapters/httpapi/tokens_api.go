package httpapi

import (
	"context"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
)

// TokenRequest asks for a token.
type TokenRequest struct {
	Name    string
	Role    Role
	Data    string
	Expires time.Time // zero: never
}

// Check refuses what no token can be.
func (r TokenRequest) Check(now time.Time) error {
	switch {
	case !r.Role.Valid():
		return fmt.Errorf("%w: there is no role %q; one of auditor, operator, engineer, consumer, admin", ErrBadInput, r.Role)
	case r.Data != DataIDs && r.Data != DataMasked && r.Data != DataFull:
		return fmt.Errorf("%w: data is %q; one of ids, masked, full", ErrBadInput, r.Data)
	case !r.Expires.IsZero() && !r.Expires.After(now):
		return fmt.Errorf("%w: expires is a time to come, or left out", ErrBadInput)
	}
	return nil
}

// TokenKeeper makes, lists and revokes the tokens of a connection.
type TokenKeeper interface {
	CreateToken(ctx context.Context, r TokenRequest, by By) (string, Token, error)
	Tokens(ctx context.Context) ([]Token, error)
	RevokeToken(ctx context.Context, id ulid.ULID, by By) (Done, error)
}

// Token is one bearer token, without its secret.
type Token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name,omitempty"`
	Role    string     `json:"role"`
	Data    string     `json:"data" doc:"What of personal values the feed shows: ids, masked or full"`
	Expires *time.Time `json:"expires,omitempty"`
	Expired bool       `json:"expired,omitempty"`
}

// TokenOf shows a stored token.
func TokenOf(t domain.Token, now time.Time) Token {
	out := Token{ID: t.ID.String(), Name: t.Name, Role: t.Role, Data: t.Data}
	if t.Expires != 0 {
		at := time.UnixMicro(t.Expires).UTC()
		out.Expires, out.Expired = &at, !now.Before(at)
	}
	return out
}

// TokenList is a list of tokens.
type TokenList struct {
	Tokens []Token `json:"tokens"`
}

// NewlyMade is a token with its secret, which is shown this once.
type NewlyMade struct {
	Token
	Secret string `json:"token" doc:"Shown this once, and stored nowhere"`
}

type createTokenInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       struct {
		Name    string    `json:"name,omitempty" maxLength:"100"`
		Role    string    `json:"role" enum:"auditor,operator,engineer,consumer,admin"`
		Data    string    `json:"data,omitempty" enum:"ids,masked,full" default:"ids"`
		Expires time.Time `json:"expires,omitempty"`
		Reason  string    `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

func (a *api) registerTokens() {
	const at = "/v1/connections/{connection}/tokens"
	register(a, get("list-tokens", at, "Bearer tokens, without their secrets", "tokens"), ManageTokens, a.listTokens)
	register(a, act("create-token", at, "Make a bearer token", "Its secret is in the answer, this once."), ManageTokens,
		a.createToken)
	register(a, act("revoke-token", at+"/{id}/revoke", "Revoke a token", "It ends within two seconds, everywhere; what is being followed with it ends within fifteen."), ManageTokens,
		func(ctx context.Context, in *settleInput) (*body[Done], error) {
			id, err := ulid.ParseStrict(in.ID)
			if err != nil {
				return nil, fmt.Errorf("%w: want the token's id, as GET …/tokens lists it, and never the token itself", ErrBadInput)
			}
			keeper, err := a.keeper(in.Connection)
			if err != nil {
				return nil, err
			}
			return a.perform(ctx, in.Connection, in.Body.Reason, func(_ Acts, by By) (Done, error) {
				return keeper.RevokeToken(ctx, id, by)
			})
		})
}

func (a *api) keeper(connection string) (TokenKeeper, error) {
	conn, err := a.connection(connection)
	if err == nil && conn.Tokens == nil {
		err = fmt.Errorf("%w: this connection keeps no tokens here", ErrNotFound)
	}
	return conn.Tokens, err
}

func (a *api) listTokens(ctx context.Context, in *connectionInput) (*body[TokenList], error) {
	keeper, err := a.keeper(in.Connection)
	if err != nil {
		return nil, err
	}
	list, err := keeper.Tokens(ctx)
	return &body[TokenList]{TokenList{list}}, err
}

func (a *api) createToken(ctx context.Context, in *createTokenInput) (*body[NewlyMade], error) {
	keeper, err := a.keeper(in.Connection)
	if err != nil {
		return nil, err
	}
	secret, t, err := keeper.CreateToken(ctx, TokenRequest{
		Name: in.Body.Name, Role: Role(in.Body.Role), Data: in.Body.Data, Expires: in.Body.Expires,
	}, By{Actor: identity(ctx).Actor(), Reason: in.Body.Reason})
	return &body[NewlyMade]{NewlyMade{t, secret}}, err
}
