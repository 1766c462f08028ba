// What thumbsign_widget.js offers: the global `thumbSignIn`, and the widgets that it makes. Licence: Apache-2.0 or MIT.

declare const thumbSignIn: ThumbSignIn.Api;

interface Window {
  readonly thumbSignIn: ThumbSignIn.Api;
}

declare module "*/thumbsign_widget.js" {
  export = thumbSignIn;
}

declare namespace ThumbSignIn {
  interface Api {
    /** Keeps a configuration under an id. What is no object is ignored. */
    addConfig(id: string, config: Config): void;
    /** Makes a stored configuration the default of the widgets made from now on. */
    setConfig(id: string): void;
    /** Makes a widget. `window[id]` is an empty object until then, and the widget afterwards. */
    init(options: Options | OlderOptions): Promise<Widget>;
    /** Adds a module, or replaces one. Widgets made from now on load it, if they require it; `sms` and `logo` always are. */
    addModule(name: string, definition: ModuleDefinition, run: (this: Widget, dom: Query, config: Config) => void): void;
    /** Gives every widget made from now on a plugin. */
    addPlugin(id: string, fn: (this: Widget, ...values: any[]) => unknown): void;
  }

  interface Options {
    /** The name of the widget among the globals. */
    id: string;
    /** The id of a stored configuration, or a configuration. */
    config: string | Config;
    /** The id of an element, or the element. Several widgets may share one. */
    container: string | Element;
    /** Modules besides `sms` and `logo`, in this order. On phones no module is loaded. */
    require?: string | string[];
    /** The address of a style sheet. */
    style?: string;
  }

  /** As pages of an older generation say it. */
  interface OlderOptions {
    name: string;
    id: string;
    rootID: string;
    require?: string | string[];
    style?: string;
  }

  interface Widget {
    /** The id of the configuration. */
    readonly id: string | Config;
    /** The widget's outermost element. */
    readonly DOM: Query;
    readonly events: Record<string, { fn: (payload: any) => void; scope?: unknown }>;
    readonly require: string[];
    readonly plugins: Record<string, (...values: any[]) => unknown>;
    /** Shows the widget and begins a transaction. Resolves when actionUrl has answered or failed, never rejects. */
    open(callback?: () => void): Promise<void>;
    /** Hides the widget and cancels the transaction; FAILURE is told. Resolves when the cancel, if any, was answered. */
    close(callback?: () => void): Promise<void>;
    /** Begins another transaction and cancels the one before. Resolves as `open` does. */
    refresh(hard?: boolean): Promise<void>;
    /** Cancels the transaction, and goes on showing the widget. */
    terminateTransaction(): Promise<void>;
    /** One listener an event: the last one stays. */
    registerEvent<Name extends keyof Events>(name: Name, fn: (payload: Events[Name]) => void, scope?: unknown): void;
    /** Keeps a function as `plugins[id]`; it runs with the widget as `this`. */
    addPlugin(id: string, fn: (this: Widget, ...values: any[]) => unknown): void;
    /** Puts the widget's elements back into its container where the page has removed them. */
    initBuilder(): Widget;
  }

  interface Events {
    /** actionUrl has answered, and the first poll was sent. */
    DATA_FETCHED: Transaction;
    /** Each poll that finds nobody with the code yet. */
    PENDING: Transaction;
    /** Each poll that finds the code on a phone. */
    INITIATED: Transaction;
    /** Once, when the tick was shown: 1.6 seconds after the poll. */
    SUCCESS: Transaction;
    /** Once: declined, cancelled, expired, or whatever else is no success. */
    FAILURE: Transaction;
    /** actionUrl failed. */
    FETCH_DATA_ERROR: RequestError;
    /** A poll failed, which ends the polling, or a module could not be loaded. */
    ERROR: RequestError | Error;
  }

  /** What the site answered, as it came. */
  interface Transaction {
    transactionId: string;
    status: "PENDING" | "INITIATED" | "COMPLETED_SUCCESSFUL" | "COMPLETED_FAILURE" | (string & {});
    failureReason?: string;
    expireInSeconds?: number | string;
    qrImage?: string;
    deepLinkUrl?: string;
    redirectUrl?: string;
    userId?: string;
    [member: string]: unknown;
  }

  interface RequestError extends Error {
    config: { url: string; method?: string };
    /** Missing where no answer came. */
    response?: { status: number; statusText: string; headers: Record<string, string>; data: any };
  }

  interface Config {
    actionUrl?: string;
    /** The transaction's id is put at its end: mind the last slash. */
    statusUrl?: string;
    DEEP_LINK?: string;
    /** What the QR code is called for those who do not see it. */
    QR_ALT?: string;
    COMPLETED_SUCCESSFUL?: string;
    COMPLETED_FAILURE?: string;
    ALREADY_REGISTERED?: string;
    NOT_REGISTERED?: string;
    NO_SUITABLE_AUTHENTICATOR?: string;
    DECLINED?: string;
    CANCELLED?: string;
    /** Shown where actionUrl answers 401. Of a transaction that expired: `desktop.TIMEOUT` and `mobile.TIMEOUT`. */
    TIMEOUT?: string;
    TECHNICAL_REASON?: string;
    /** Shown where a request fails. */
    TECHNICAL_REASON_ERROR?: string;
    /** Beside a QR code, and beside a link to the app. */
    desktop?: ViewTexts;
    mobile?: ViewTexts;
    widgetUrlParameterPart?: string;
    widgetUrlParameterSeparator?: string;
    /** What actionUrl would answer: used once, instead of asking. */
    actionResponse?: Transaction | string;
    /** The headers `Authorization` and `X-Ts-Date` of polls that go to the service itself. */
    authHeader?: string;
    xTsDate?: string;
    loginFlow?: string;
    /** Where messages are posted; `/sendSMS` of the site without it. */
    smsUrl?: string;
    sms?: SmsConfig;
    logo?: LogoConfig;
    tsModal?: ModalConfig;
    [member: string]: any;
  }

  interface ViewTexts {
    INTRO_MSG?: string;
    'INTRO_MSG"'?: string;
    "intro-msg"?: string;
    /** `<br>` begins a line; other tags are characters. */
    REFRESH_MSG?: string;
    INITIATED?: string;
    TOGGLE_MSG1?: string;
    TOGGLE_MSG2?: string;
    TIMEOUT?: string;
    [member: string]: any;
  }

  interface SmsConfig {
    /** The message; without it, one with the link to the app. */
    smsContent?: string;
    smsTitle?: string;
    smsPhone?: string;
    smsSend?: string;
    smsSent?: string;
    smsFailed?: string;
    smsInvalid?: string;
    smsUrl?: string;
  }

  interface LogoConfig {
    appIcon?: string;
    playStoreIcon?: string;
    playStoreURL?: string;
    appStoreIcon?: string;
    appStoreURL?: string;
    question?: string;
    getItNow?: string;
  }

  interface ModalConfig {
    modalTitle?: string;
    modalOpen?: string;
    modalClose?: string;
  }

  interface ModuleDefinition {
    /** What the page's configuration need not say under the module's name. */
    config?: Record<string, any>;
    /** The template and its style sheet. `rootUrl` is the folder of the script, without a slash at its end. */
    getElem?(config: Config, rootUrl: string): { elem?: string | Node | ArrayLike<Node>; style?: string };
  }

  /** The page's jQuery, where there is one; otherwise these of its functions. */
  interface Query extends ArrayLike<any>, Iterable<any> {
    get(): any[];
    get(at: number): any;
    eq(at: number): Query;
    first(): Query;
    each(fn: (this: any, at: number, node: any) => void): Query;
    find(selector: string): Query;
    is(selector: string): boolean;
    ready(fn: ($: any) => void): Query;
    append(...content: any[]): Query;
    empty(): Query;
    detach(): Query;
    remove(): Query;
    text(): string;
    text(value: unknown): Query;
    html(): string | undefined;
    html(value: any): Query;
    val(): any;
    val(value: any): Query;
    attr(name: string): string | undefined;
    attr(name: string | Record<string, unknown>, value?: unknown): Query;
    removeAttr(name: string): Query;
    css(name: string): string | undefined;
    css(name: string | Record<string, string>, value?: string): Query;
    addClass(names: string): Query;
    removeClass(names: string): Query;
    toggleClass(names: string, isOn?: boolean): Query;
    hasClass(name: string): boolean;
    show(): Query;
    hide(): Query;
    fadeIn(...how: any[]): Query;
    fadeOut(...how: any[]): Query;
    on(names: string, fn: (this: any, event: any) => unknown): Query;
    on(names: string, selector: string, fn: (this: any, event: any) => unknown): Query;
    off(names?: string, fn?: (this: any, event: any) => unknown): Query;
    click(fn?: (this: any, event: any) => unknown): Query;
    focus(): Query;
  }
}
