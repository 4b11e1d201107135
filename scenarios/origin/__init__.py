"""What a page of another origin may do: CORS, cookies, XSRF tokens, frames, WebSockets."""
