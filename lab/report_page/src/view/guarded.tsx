// A part of the page that an odd journal may break: the others stay, and the reader is told.

import { Component, type ComponentChildren } from "preact";

interface Props {
  /** The part, as the beginning of a sentence. */
  what: string;
  children: ComponentChildren;
}

export class Guarded extends Component<Props, { why: string }> {
  override state = { why: "" };

  override componentDidCatch(problem: unknown): void {
    this.setState({ why: String(problem) });
  }

  override render() {
    if (!this.state.why) return this.props.children;
    return <p class="half" role="alert">{this.props.what} cannot be shown: this journal holds something that it does not expect ({this.state.why}).</p>;
  }
}
